"""The page's style: the console's palette, light and dark, narrow and wide, and on paper."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--ground:#f6f7f6;--card:#fff;--edge:#dfe4e2;--ink:#16201e;
--quiet:#5b6a66;--faint:#e8ecea;--accent:#0f766e;--good:#0f766e;--bad:#b42318;--warn:#93540a;
--bad-ground:#fdecea;--warn-ground:#fdf3e0;--good-ground:#e3f3ef;--neutral-ground:#edf0ef;
--past:#84928e;--s0:#0b69b7;--s1:#c2410c;--s2:#0f766e;--s3:#8b3fb0;--s4:#a16207;--s5:#be185d;
--s6:#3f6212;--s7:#475569}
@media screen and (prefers-color-scheme:dark){:root{--ground:#0e1413;--card:#161e1c;--edge:#2a3532;
--ink:#e8eeec;--quiet:#9aaaa5;--faint:#232d2a;--accent:#4fc3b4;--good:#4fc3b4;--bad:#ff9a8d;
--warn:#f3bd68;--bad-ground:#3a1c19;--warn-ground:#36290f;--good-ground:#12312c;
--neutral-ground:#27312e;--past:#75847f;--s0:#6db5f2;--s1:#ff9d66;--s2:#4fc3b4;--s3:#d29bea;
--s4:#e3bd55;--s5:#f58bb9;--s6:#a9cf6b;--s7:#b3c0cf}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1180px;padding:0 24px 48px;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","DejaVu Sans",sans-serif}
h1,h2,h3,p,dl,dd,ul,figure{margin:0;padding:0}
h1{font-size:26px;line-height:1.2;font-weight:700;letter-spacing:-.015em;overflow-wrap:anywhere}
h2{font-size:18px;line-height:1.3;font-weight:650}
h3{font-size:15px;line-height:1.4;font-weight:650}
code{font:12.5px/1.5 ui-monospace,"SF Mono","Cascadia Code","DejaVu Sans Mono",Menlo,monospace;
overflow-wrap:anywhere}
a{color:var(--accent)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:4px}
.quiet,small{color:var(--quiet);font-size:13.5px}
strong,.tabular,td{font-variant-numeric:tabular-nums}
.absent{color:var(--quiet);font-style:italic;font-weight:500}
.interval{color:var(--quiet);white-space:nowrap;font-variant-numeric:tabular-nums}
header{padding:26px 0 18px}
.brand{display:flex;align-items:center;gap:9px;margin-bottom:12px;color:var(--quiet);font-size:14px}
.brand b{color:var(--ink)}
header .lead{margin-top:6px;color:var(--quiet);overflow-wrap:anywhere}
.card{margin-bottom:18px;padding:18px 22px 20px;border:1px solid var(--edge);border-radius:12px;
background:var(--card);min-width:0}
.head{display:flex;flex-wrap:wrap;align-items:baseline;justify-content:space-between;gap:2px 16px;
margin-bottom:10px}
.head h2,.head h3{overflow-wrap:anywhere;min-width:0}
.notice{margin-bottom:18px;padding:9px 16px;border-radius:10px;background:var(--neutral-ground);
color:var(--quiet);font-size:13.5px}
.notice.warn{background:var(--warn-ground);color:var(--warn);font-size:15px}
.notice.grave{padding:13px 18px;font-size:15px}
.notice.grave{background:var(--bad-ground);color:var(--bad)}
.correlations{margin-top:12px}.notice ul{list-style:none}.notice li{overflow-wrap:anywhere}
.notice details{margin:0;padding:0;border:0}.notice b{color:inherit}
.tiles{display:grid;grid-template-columns:1fr 1fr;gap:18px;margin-bottom:18px}
.tiles .card{margin:0}
.tile .figure{display:flex;flex-wrap:wrap;align-items:baseline;gap:2px 12px;margin:6px 0 8px}
.tile .figure strong{font-size:40px;line-height:1.1;font-weight:700;letter-spacing:-.025em}
.tile .figure .interval{font-size:17px}
.tile .absent{font-size:30px!important;letter-spacing:0!important}
.tile p{margin-top:7px}
.tile.over_refusal{--series:var(--s1)}.tile.safe_refusal{--series:var(--s2)}
.over_refusal{--series:var(--s1)}.safe_refusal{--series:var(--s2)}
.strip{position:relative;display:block;height:10px;margin:4px 0;border-radius:5px;
background:var(--faint);overflow:hidden}
.strip i,.strip b,.strip u{position:absolute;top:0;bottom:0}
.strip i{left:0;background:var(--series,var(--s0));opacity:.38}
.strip b{background:var(--series,var(--s0));opacity:.5}
.strip u{width:3px;margin-left:-1.5px;background:var(--series,var(--s0))}
.tile .strip{height:14px;border-radius:7px}
.split{display:grid;grid-template-columns:minmax(0,1.72fr) minmax(250px,1fr);gap:8px 26px;
align-items:start}
svg.plot{display:block;width:100%;height:auto}
svg.narrow{display:none}
.plot text{font-family:inherit;fill:var(--quiet);font-size:12.5px}
.narrow text{font-size:11.5px}
.plot .axis{font-size:13.5px;fill:var(--ink)}.narrow .axis{font-size:12.5px}
.plot .grid{stroke:var(--faint);stroke-width:1;fill:none}
.plot .diagonal{stroke:var(--quiet);stroke-width:1.2;stroke-dasharray:5 6;opacity:.6}
.plot .good{fill:var(--good-ground)}
.mark{fill:var(--series);stroke:var(--card);stroke-width:1.5}
.cross{fill:none;stroke:var(--series);stroke-width:2;stroke-linecap:round;opacity:.75}
.before .mark{fill:var(--card);stroke:var(--series);stroke-width:2}
.arrow{fill:none;stroke:var(--quiet);stroke-width:1.5;stroke-linecap:round}
.moved{margin:8px 0 0 23px}
.leader{fill:none;stroke:var(--quiet);stroke-width:1;opacity:.8}
.plot .name{fill:var(--ink);font-size:13.5px;font-weight:600;paint-order:stroke;
stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
.narrow .name{font-size:12px}
.point{outline:none;cursor:default}
.point .late{visibility:hidden}
.point:hover .late,.point:focus .late{visibility:visible}
.point:hover .cross,.point:focus .cross{opacity:1;stroke-width:3}
.point.past .name{font-weight:500;font-size:11px}
.past{--series:var(--past)}
.past .mark{stroke-width:1.3}
.past.june2024 .mark{fill:var(--card);stroke:var(--series)}
.past.current .mark{fill:var(--series);stroke:var(--card)}
.only .past.june2024{--series:var(--s0)}.only .past.current{--series:var(--s1)}
.only .past .cross{stroke-width:1;opacity:.55}
.frontier:has(#june2024:not(:checked)) svg.plot .june2024,
.frontier:has(#current:not(:checked)) svg.plot .current{display:none}
.series-0{--series:var(--s0)}.series-1{--series:var(--s1)}.series-2{--series:var(--s2)}
.series-3{--series:var(--s3)}.series-4{--series:var(--s4)}.series-5{--series:var(--s5)}
.series-6{--series:var(--s6)}.series-7{--series:var(--s7)}
.symbol{flex:none;vertical-align:-2px}
.key{list-style:none;display:grid;gap:13px}
.key li{min-width:0}.key .who{display:flex;gap:7px;align-items:baseline;font-weight:600;
overflow-wrap:anywhere}
.key p{padding-left:23px;font-size:14px}.key p span.name{color:var(--quiet)}
.switches:first-child{margin-top:0;padding-top:0;border:0;margin-bottom:16px}
.key.tight{gap:5px}.key.tight .who{font-weight:500;font-size:14px}
.switches{margin-top:16px;padding-top:12px;border-top:1px solid var(--faint);font-size:13.5px;
display:grid;gap:7px}
.switches label{display:flex;gap:8px;align-items:baseline;cursor:pointer}
.switches input{margin:0;accent-color:var(--accent);flex:none;transform:translateY(2px)}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:10px 40px}
.card>h3{margin:14px 0 12px}
details.card{margin-top:0;padding-top:16px;border-top:1px solid var(--edge)}
details.card[open]>summary{margin-bottom:12px}
table{width:100%;border-collapse:collapse}
th,td{padding:7px 14px 7px 0;text-align:left;vertical-align:top;border-top:1px solid var(--faint);
font-weight:400}
thead th{border-top:0;padding-top:0;color:var(--quiet);font-size:13px;font-weight:400}
th small,td small{display:block;font-size:12.5px;line-height:1.4}
th small span{white-space:nowrap}
.bars th:first-child{width:44%;overflow-wrap:anywhere}
.bars td.bar{width:30%;padding-top:11px}
.bars td:last-child,.bars th:last-child{text-align:right;padding-right:0;white-space:nowrap}
.bars .whole>*{border-bottom:2px solid var(--edge)}
.bars .whole th{font-weight:650}.bars th small{font-weight:400}
.bars thead .scale{display:flex;justify-content:space-between}
.bars small.interval{font-size:12.5px}
.wide-table{overflow-x:auto}.wide-table td,.wide-table th{white-space:nowrap}
.wide-table th[scope=row]{white-space:normal;min-width:118px;overflow-wrap:anywhere}
.wide-table .runs td,.wide-table .runs th{white-space:normal}
.wide-table td.said{white-space:normal;min-width:220px}
.number{text-align:right}th.number:last-child,td.number:last-child{padding-right:0}
.unmoved td{border-top:0;padding-top:0;white-space:normal}
details{margin-top:12px;border-top:1px solid var(--faint);padding-top:10px}
summary{cursor:pointer;font-weight:600}
summary .chip{margin-left:4px}
article{margin-top:14px;padding-top:12px;border-top:1px dashed var(--edge)}
article:first-of-type{border-top:0;padding-top:0}
article .asked{font-weight:600;overflow-wrap:anywhere;margin-bottom:8px}
.sides{display:grid;grid-template-columns:1fr 1fr;gap:14px}
.side{min-width:0;padding:10px 14px 12px;border-radius:9px;background:var(--ground)}
.side .meta{display:flex;flex-wrap:wrap;gap:2px 8px;align-items:center;color:var(--quiet);
font-size:12.5px;margin-bottom:5px}
blockquote{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:14px;max-height:15em;
overflow-y:auto}
.more{color:var(--quiet);font-style:italic}
.chip{display:inline-block;padding:0 8px;border-radius:20px;background:var(--neutral-ground);
color:var(--ink);font-size:12.5px;font-weight:600;white-space:nowrap}
.chip.soft{font-weight:400;color:var(--quiet)}
.chip.direct_refusal,.chip.worse{background:var(--bad-ground);color:var(--bad)}
.chip.indirect_refusal,.chip.partial_refusal{background:var(--warn-ground);color:var(--warn)}
.chip.compliance,.chip.better{background:var(--good-ground);color:var(--good)}
dl{display:grid;grid-template-columns:minmax(120px,max-content) 1fr;gap:3px 20px;font-size:14px}
dt{color:var(--quiet)}dd{min-width:0;overflow-wrap:anywhere}
.sets{margin-top:12px}
footer{color:var(--quiet);font-size:13.5px;max-width:80ch}footer p{margin-top:6px}
@media(max-width:900px){.split{grid-template-columns:minmax(0,1fr)}}
@media(max-width:760px){.pair,.sides{grid-template-columns:minmax(0,1fr)}}
@media(max-width:600px){body{padding:0 12px 28px}header{padding:18px 0 14px}h1{font-size:21px}
.card{padding:14px 14px 16px}.tiles{grid-template-columns:minmax(0,1fr);gap:12px}
.tile .figure strong{font-size:34px}svg.wide{display:none}svg.narrow{display:block}
th,td{padding-right:9px}.bars th:first-child{width:40%}.bars td.bar{width:26%}
dl{grid-template-columns:minmax(0,1fr);gap:0}dd{margin-bottom:7px}}
@media print{:root{--ground:#fff}body{max-width:none;padding:0;font-size:11.5px}
.card,.notice{border-radius:0;padding:8px 0;border:0;border-top:1px solid var(--edge)}
.card.tile,article,tr,figure,.side{break-inside:avoid}.switches input{display:none}
blockquote{max-height:none;overflow:visible}.split{grid-template-columns:1.5fr 1fr}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.quiet,small,th small,td small,.key p,.switches,.notice,dl,blockquote,footer,thead th{
font-size:10.5px!important}
h1{font-size:20px}h2{font-size:14px}.tile .figure strong{font-size:28px}
.wide-table td,.wide-table th{white-space:normal}th,td{padding:4px 8px 4px 0}
.switches label:has(input:not(:checked)){display:none}
details::details-content{content-visibility:visible;block-size:auto}}
"""
