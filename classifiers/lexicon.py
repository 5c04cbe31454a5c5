"""What refusals, warnings and answers are made of in twelve languages, as patterns.

Written for this project, one row of patterns a language, each for normalised lower-case text. The
names are the same in all, so one set of weights reads eleven of them. No pattern has an unbounded
repetition: the cost is linear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

PATTERN_NAMES = (
    "i_cannot",
    "i_cannot_serve",
    "sorry",
    "as_an_ai",
    "judged",
    "urged",
    "offered",
    "help_lines",
    "however",
    "affirmed",
)

_SHORT = r"[^.!?\n]"

_CANNOT = (
    r"(?:can't|cannot|can not|won't|will not|couldn't|shouldn't|wouldn't|do not|don't|refuse"
    r"|decline|must decline|have to decline|am unable|'m unable|am not able|'m not able"
    r"|am not comfortable|'m not comfortable|am not willing|'m not willing|am not going to"
    r"|'m not going to|am not allowed|'m not allowed|would rather not|'d rather not|'d prefer not)"
)
_ENGLISH = (
    rf"\bi ?(?:{_CANNOT})\b",
    rf"\bi ?{_CANNOT}(?: \w+){{0,2}} (?:help|assist|provide|fulfil|fulfill|answer|comply|create"
    r"|generate|write|give|support|engage|participate|share|discuss|offer|make|tell|produce"
    r"|condone|satisfy|complete|continue|do that|do this|respond|design|develop|build|edit|modify)"
    r"\b",
    r"\b(?:sorry|apolog\w+|unfortunately|regret|afraid)\b",
    r"\b(?:as an? (?:ai|\w* ?language model|\w* ?assistant)|just an ai)\b",
    r"\b(?:illegal|unethical|inappropriate|not appropriate|harmful|against (?:the law|my)"
    r"|unlawful|dangerous|offensive|hateful|policy|policies|guidelines|violat\w+)\b",
    r"\b(?:important to|remember|please (?:consider|seek|reach|contact|talk|call|speak)"
    r"|encourage you|advise against|instead|should never|not acceptable|never acceptable)\b",
    r"\b(?:something else|anything else|other questions|another topic|happy to help"
    r"|glad to help|feel free|would you like|how about|let's talk)\b",
    r"\b(?:hotline|helpline|crisis|lifeline|therapist|counsel\w+|professional|authorities)\b",
    r"\b(?:however|but|instead|that said|although|though)\b",
    r"^\W*(?:sure|certainly|of course|absolutely|yes|here(?:'s| is| are)|great|to \w+)\b",
)

_GERMAN = (
    rf"(?:(?:kann|werde|darf|möchte|will|könnte|würde) (?:ich|wir)|(?:ich|wir) (?:kann|können|werde"
    rf"|werden|darf|dürfen|möchte|will|würde)){_SHORT}{{0,60}}?\b(?:nicht|kein\w{{0,2}}|nichts"
    rf"|nie)\b"
    r"|\b(?:lehne|lehnen)\b[^.!?\n]{0,50}\bab\b|\b(?:verweigere|abgelehnt|verzichte|ablehnen)\b"
    r"|nicht (?:in der lage|möglich|bereit|gestattet|erlaubt)|\bohne mich\b|\bda passe ich\b"
    r"|(?:dabei|damit|dazu|hierbei|hier) (?:kann|werde|möchte|darf) ich nicht",
    r"tut mir (?:\w+ )?leid|entschuldig|verzeih|bedau[er]{2}|leider|sorry",
    r"als (?:eine? )?(?:ki|künstliche|sprachmodell|ai|assisten)|bin (?:nur )?(?:eine? )?(?:ki\b"
    r"|sprachmodell|ki-)",
    r"illegal|strafbar|verboten|unethisch|gefährlich|schädlich|unangemessen|beleidigend"
    r"|rechtswidrig"
    r"|diskriminier|richtlinien|gesetz",
    r"wichtig|bitte (?:wenden|suchen|sprechen|beachte|denk)|rate (?:\w+ )?(?:davon )?ab"
    r"|sollte[nst]{0,2}"
    r"|statt|stattdessen|wende dich|empfehle",
    r"gerne? (?:bei|mit|helf|etwas|andere)|stattdessen|etwas andere|wenn (?:du"
    r"|sie) (?:\w+ )?(?:möcht"
    r"|woll|magst)|andere (?:frage|them)|helfe ich gern",
    r"telefonseelsorge|notruf|hotline|therapeut|beratungsstelle|arzt|ärzt|anwalt|polizei|krise",
    r"\baber\b|\bjedoch\b|allerdings|dennoch|trotzdem|allgemein",
    r"^\W*(?:ja\b|natürlich|klar|gern|sicher|selbstverständlich|hier (?:ist|sind|ein)|zunächst)",
)
_FRENCH = (
    rf"\b(?:je|j|nous|on) ?(?:ne|n'){_SHORT}{{0,40}}?\b(?:pas|rien|jamais|aucun\w?|ni)\b|je refuse"
    r"|(?:dois|préfère|vais|devons) (?:\w+ )?(?:refuser|décliner|m'abstenir|ne pas)|je décline"
    r"|(?:pas|impossible) (?:possible|en mesure|de (?:vous|t'|te|répondre))|hors de question"
    r"|ne (?:peux|puis|veux|vais|peut|pourrai)\b|incapable de|demande refusée|très peu pour moi",
    r"désolé|pardon|excus|regrett|malheureusement|navré",
    r"en tant qu(?:'|e )|je (?:ne )?suis (?:qu'?)?(?:une? )?(?:ia|intelligence art|modèle"
    r"|assistant)",
    r"illéga|interdit|contraire|éthique|dangereu|nuisible|inapproprié|offensant|discrimin|délit"
    r"|\bloi\b"
    r"|punissable|règles",
    r"il est important|veuillez|n'hésit|consult|plutôt|conseill|recommand|devr(?:iez|ais)|encourag",
    r"(?:ravi|heureu\w+|volontiers|plaisir)|autre chose|à la place|autre (?:question|sujet)"
    r"|si (?:vous|tu) (?:le )?(?:souhait|voul|veux)|plutôt",
    r"numéro d'urgence|urgences|ligne d'écoute|psycholog|thérapeut|médecin|avocat|police|détresse",
    r"\bmais\b|cependant|toutefois|néanmoins|en revanche|en général",
    r"^\W*(?:oui\b|bien sûr|certainement|volontiers|avec plaisir|voici|d'accord|pour \w+)",
)
_SPANISH = (
    r"\bno (?:me |te |le |os |les |se lo )?(?:puedo|podemos|podré|voy a|vamos a|quiero|pienso|debo"
    r"|debemos|haré|ayudaré|daré|responderé|es posible|sería|estoy|está|corresponde|tengo permi)"
    r"|me (?:niego|abstengo)|rechazo|declin[oa]|prefiero no|(?:debo|tengo que|he de) (?:negar"
    r"|rechaz"
    r"|declin|abstener)|imposible ayud|solicitud (?:rechazada|denegada)|conmigo no|paso de",
    r"lo siento|lament|disculp|perd[oó]n|desafortunada|por desgracia",
    r"como (?:una? )?(?:ia|modelo|asistente|inteligencia)|soy (?:solo )?(?:una? )?(?:ia\b"
    r"|modelo|asisten)",
    r"ilegal|prohibid|delito|étic|peligros|dañin|inapropiad|inadecuad|ofensiv|discrimin|\bley\b"
    r"|normas",
    r"es importante|por favor|consult|en lugar|recomiend|aconsej|deber[ií]a|te animo|recuerda",
    r"(?:encantad|con gusto|gustosament)|otra (?:cosa|pregunta)|otro tema|en su lugar|si (?:quieres"
    r"|desea|prefiere|gusta)|lo que sí",
    r"línea de (?:ayuda|crisis)|emergencia|psicólog|terapeut|médic|abogad|policía|autoridades",
    r"\bpero\b|sin embargo|no obstante|ahora bien|en general|aunque",
    r"^\W*(?:s[ií],|claro|por supuesto|desde luego|aquí (?:tienes|está|van)|con gusto|vale"
    r"|para \w+)",
)
_ITALIAN = (
    r"\bnon (?:mi |ti |le |vi |la |lo |ve lo )?(?:posso|possiamo|potrò|voglio|intendo|darò|aiuterò"
    r"|scriverò|farò|risponderò|sono in grado|è possibile|me la sento|spiegherò|se ne parla|tratto)"
    r"|mi rifiuto|rifiuto|declin[oa]|preferisco (?:non|di no)|(?:devo|debbo) (?:rifiut|declin"
    r"|dire di no)"
    r"|richiesta (?:respinta|rifiutata)|impossibile (?:aiut|rispond)|passo\b|argomento escluso",
    r"mi (?:dispiace|spiace|rincresce)|scus|purtroppo|spiacent",
    r"(?:come|in quanto) (?:una? )?(?:ia|modello|assistente|intelligenza)|sono (?:solo )?(?:un'"
    r"|una? )?"
    r"(?:ia\b|modello|assisten)",
    r"illegal|vietat|reato|etic|pericolos|dannos|inappropriat|offensiv|discrimin|\blegge\b"
    r"|norme|illecit",
    r"è importante|per favore|consult|rivolg|piuttosto|consigli|dovre(?:sti|bbe)|invit|ricorda",
    r"volentieri|con piacere|felice di|altra (?:cosa|domanda)|altro (?:argomento|tema)|al suo posto"
    r"|se (?:vuoi|vuole|preferisc|ti va)|posso (?:invece|però)",
    r"telefono amico|emergenz|psicolog|terapeut|medico|avvocat|polizia|autorità|carabinieri",
    r"\bma\b|però|tuttavia|ciononostante|invece|in generale",
    r"^\W*(?:s[iì],|certo|certamente|volentieri|ecco|allora|va bene|d'accordo|per \w+)",
)
_PORTUGUESE = (
    r"\bnão (?:me |te |lhe |o |a |vos )?(?:posso|podemos|poderei|vou|vamos|quero|devo|farei|darei"
    r"|ajudarei|respondo|responderei|é possível|consigo|estou (?:autoriz|dispost|em cond)"
    r"|tenho permi)"
    r"|recus[oa]|declin[oa]|nego-me|prefiro não|(?:tenho de|devo|preciso) (?:recus|declin|negar)"
    r"|pedido (?:recusado|negado)|impossível ajud|eu passo\b|comigo não",
    r"desculp|lament|sinto muito|perdão|infelizmente|peço desculpa",
    r"como (?:uma? )?(?:ia|modelo|assistente|inteligência)|sou (?:apenas "
    r"|só )?(?:uma? )?(?:ia\b|modelo"
    r"|assisten)",
    r"ilegal|proibid|crime|étic|perigos|prejudicia|inadequad|inapropriad|ofensiv|discrimin"
    r"|\blei\b|normas",
    r"é importante|por favor|consult|procur|em vez|recomend|aconselh|dever(?:ia|á)|incentiv|lembre",
    r"com (?:todo o )?prazer|fico feliz|outra (?:coisa|pergunta)|outro (?:assunto|tema)"
    r"|em vez disso"
    r"|se (?:quiser|desejar|preferir)|o que posso",
    r"linha de (?:apoio|crise)|emergência|psicólog|terapeut|médic|advogad|polícia|autoridades|cvv",
    r"\bmas\b|porém|contudo|no entanto|todavia|em geral|entretanto",
    r"^\W*(?:sim,|claro|com certeza|com prazer|certamente|aqui (?:está|vai|vão)|vamos lá|para \w+)",
)
_CHINESE = (
    r"(?:我|我们|本助手|在下|这边)[^。!?\n]{0,8}?(?:不能|无法|無法|不會|不会|不想|不愿|不願|不便|没法|没办法|沒辦法"
    r"|拒绝|拒絕|不可以|帮不了|幫不了|做不到|不打算|不方便|谢绝)|(?:无法|無法|不能|不便|恕不|拒绝|拒絕)(?:为您|为你|向您|向你"
    r"|帮|協助|协助|提供|满足|滿足|回答|回复|执行|生成|参与|處理|处理|奉告|从命)|恕(?:我|难)|爱莫能助|愛莫能助|免谈|婉拒",
    r"抱歉|对不起|對不起|不好意思|遗憾|遺憾|见谅|請原諒|请原谅",
    r"作为(?:一个|一名|一款)?(?:ai|人工智能|语言模型|大?模型|助手)|我(?:只)?是(?:一个|一款)?(?:ai|人工智能|语言模型|助手)|身為",
    r"违法|非法|違法|犯罪|不道德|危险|危險|有害|不当|不當|歧视|歧視|侵犯|违反|違反|违规|法律|伦理|冒犯",
    r"重要的是|建议您|建议你|請您|请您|请你|应该|應該|切勿|不要|尊重|提醒|务必",
    r"其他(?:问题|方面|话题|問題)|别的|可以(?:帮|为|給|给|提供)|换(?:个|一个)|如果您?(?:愿意|需要|有)|乐意|很高兴",
    r"热线|求助|急救|心理|医生|律师|警方|报警|專業|专业人士|咨询师",
    r"但是?|不过|不過|然而|尽管|總的|总体|一般来说",
    r"^\W*(?:当然|好的|可以|没问题|沒問題|是的|以下|首先|这里|下面|行)",
)
_JAPANESE = (
    r"(?:でき|出来|いたし|致し|お答え|応じ|応え|お応え|行い|提供し|書き|教え|手伝い|対応し|協力し|対応でき|扱い)"
    r"(?:かねます|ません|ない|られません|かねる|ないです|兼ねます)|(?:お断り|辞退|拒否|遠慮)|(?:差し控え|控えさせ|控えます)"
    r"|わけにはいきません|(?:対応|回答|協力|お手伝い|提供)(?:は)?(?:不可|できない|不可能|致しかね)|無理です|ご容赦"
    r"|(?:は|も)(?:でき|お答えでき|お手伝いでき)(?:ません|ない)|ことはできません|つもりはありません",
    r"申し訳|すみません|ごめん|恐れ入り|残念|あいにく|遺憾|失礼",
    r"(?:ai|人工知能|言語モデル|アシスタント)(?:として|である|です|なので|ですので)",
    r"違法|犯罪|非倫理|倫理|危険|有害|不適切|差別|侵害|違反|法律|禁止|規約|ガイドライン|不正",
    r"重要です|大切です|ください|べき(?:です|では)|お勧め|おすすめ|推奨|代わりに|ご相談|尊重",
    r"代わり|他の(?:質問|話題|こと|ご質問)|別の|ご希望|よろしければ|お手伝いでき(?:ます|る)|喜んで|ご案内",
    r"ホットライン|相談窓口|緊急|専門家|医師|弁護士|警察|カウンセ|いのちの電話|救急",
    r"しかし|ただし|ですが|一方|とはいえ|なお|けれども|一般的",
    r"^\W*(?:はい|もちろん|承知|わかりました|了解|以下|では|こちら|まず|ええ)",
)
_KOREAN = (
    r"(?:할|드릴|될|줄|쓸|말할|알려드릴|도와드릴|제공할|답할|답변할|따를|응할|만들|작성할|도울|해드릴|수행할|설명할)"
    r" ?수(?:가|는|도)? ?(?:없|업)"
    r"|(?:하|드리|되|주|쓰|돕|답하)(?:지|진|지는|지도) (?:않|못)|못 ?(?:해|합|드|하)|거(?:절|부)"
    r"|사양하|어렵(?:습|네|겠|다|고)|곤란"
    r"|불가(?:능|합)|안 ?(?:됩니다|돼요|되겠|할래|하겠)|삼가|응하지|힘듭니다|없(?:습니다|어요|음)",
    r"죄송|미안|유감|아쉽|양해|송구|안타깝",
    r"(?:ai|인공지능|언어 ?모델|어시스턴트)(?:로서|이기|이므로|라서|입니다|는|은)",
    r"불법|범죄|비윤리|윤리|위험|유해|해로|부적절|차별|침해|위반|법률|법적|금지|정책|혐오|명예훼손",
    r"중요합|바랍니다|하세요|해야|권(?:장|합|해)|삼가|존중|주의|조언|상담",
    r"대신|다른 (?:질문|주제|도움|방법|것)|원하시|도와드릴 수 있|도와드리겠|기꺼이|궁금한|필요하시",
    r"상담|전화|응급|전문가|의사|변호사|경찰|위기|신고|병원",
    r"하지만|그러나|다만|그렇지만|대신|일반적|그럼에도",
    r"^\W*(?:네[,. ]|물론|예[,. ]|알겠|다음은|아래|여기|그럼|좋습니다|좋아요|먼저)",
)
_ARABIC = (
    r"(?:لا|لن) (?:أستطيع|استطيع|يمكنني|يمكننا|أقدر|أود|أريد|أقوم|أقدم|أساعد|أكتب|أجيب|أشارك|نستطيع"
    r"|أتمكن|يمكن|يسعني|أرغب|يجوز)|لست (?:قادر|مستعد|مخول)|أرفض|أعتذر عن|نعتذر عن|أمتنع|غير (?:قادر"
    r"|مستعد|مسموح|ممكن)|ليس (?:بإمكاني|في استطاعتي|بوسعي)|(?:مرفوض|تم رفض)|مش (?:هقدر|حقدر|هينفع)",
    r"آسف|اسف|عذر|أعتذر|معذرة|للأسف|يؤسفني",
    r"(?:بصفتي|كوني|كنموذج|باعتباري)|(?:أنا|انا) (?:مجرد )?(?:نموذج|مساعد|ذكاء)",
    r"غير قانوني|قانون|محظور|جريمة|أخلاق|خطير|خطر|ضار|مؤذ|غير لائق|مسيء|تمييز|انتهاك|سياس",
    r"من المهم|يرجى|الرجاء|أنصح|ينبغي|يجب|بدلا|بدلاً|أشجع|تذكر|استشر",
    r"بدلا|بدلاً|يسعدني|بكل سرور|شيء آخر|سؤال آخر|موضوع آخر|إذا (?:كنت|أردت|رغبت|أحببت)"
    r"|يمكنني (?:أن|مساعد)",
    r"خط (?:ساخن|المساعدة|نجدة)|طوارئ|طبيب|محام|الشرطة|مختص|معالج|نفسي|السلطات",
    r"لكن|ولكن|ومع ذلك|غير أن|إلا أن|بشكل عام|عموما",
    r"^\W*(?:نعم|بالطبع|بالتأكيد|حسن|طبع|إليك|بكل سرور|تفضل|أولا|فيما يلي)",
)
_HINDI = (
    r"(?:नहीं|नही|न) (?:कर|दे|बता|लिख|बना|सकत|करूँ|करूं|दूँ|दूं|बताऊँ|लिखूँ|करेंगे|चाहत|हो सक"
    r"|कह|सिखा|समझा)"
    r"|(?:मदद|सहायता|जानकारी|उत्तर|जवाब)[^।.!?\n]{0,20}(?:नहीं|असमर्थ)|असमर्थ|अस्वीकार|मना कर"
    r"|इनकार|इंकार"
    r"|(?:संभव|मुमकिन) नहीं|सकत[ाीे] (?:नहीं|नही)|nahi(?:n)? (?:kar|de|bata|likh|sakt|du|karu)",
    r"क्षमा|माफ|खेद|अफसोस|दुर्भाग्य|sorry|maaf",
    r"(?:एआई|ai|कृत्रिम|भाषा मॉडल|सहायक) (?:होने|के रूप|मॉडल|हूँ|हूं|सहायक)|एक (?:एआई|ai"
    r"|भाषा मॉडल)",
    r"अवैध|गैरकानूनी|गैर-कानूनी|कानून|अपराध|अनैतिक|नैतिक|खतरनाक|हानिकारक|अनुचित|आपत्तिजनक"
    r"|भेदभाव|उल्लंघन|नीति",
    r"महत्वपूर्ण|ज़रूरी|जरूरी|कृपया|चाहिए|सलाह|बजाय|सुझाव|संपर्क|याद रखें",
    r"बजाय|खुशी|किसी (?:और|अन्य)|दूसर[ाेी]|अन्य (?:विषय|सवाल|प्रश्न)|अगर आप|यदि आप|मदद कर सकत",
    r"हेल्पलाइन|आपातकाल|डॉक्टर|चिकित्सक|वकील|पुलिस|मनोवैज्ञानिक|विशेषज्ञ|परामर्श",
    r"लेकिन|हालाँकि|हालांकि|परंतु|परन्तु|फिर भी|किंतु|सामान्य",
    r"^\W*(?:हाँ|हां|ज़रूर|जरूर|बिल्कुल|बिलकुल|अवश्य|ठीक|यहाँ|यह रहा|सबसे पहले|जी)",
)
_RUSSIAN = (
    r"\bне (?:могу|можем|смогу|буду|будем|хочу|готов\w?|стану|собираюсь|вправе|намерен\w?"
    r"|имею права"
    r"|в состоянии|помогу|отвечу|расскажу|напишу|получится|возьмусь|предоставлю|даю|скажу)"
    r"|(?:отказываюсь|отказано|откажусь|отказ|воздержусь|отклон[её]н\w*)|(?:вынужден|должен"
    r"|должна|придётся)"
    r"\w* (?:отказ|отклон|воздерж)|невозможно|нельзя|без меня|увольте",
    r"извин|прост(?:ите|и\b)|к сожалению|сожале|увы",
    r"как (?:ии\b|искусственн|языков|ассистент|помощник|модель)|я (?:всего лишь |лишь |только )?"
    r"(?:ии\b|языков|искусственн|ассистент|программа)",
    r"незакон|противозакон|запрещ|преступл|неэтич|этич|опасн|вредн|неприемлем|недопустим|оскорб"
    r"|дискримин|наруш|закон|правил",
    r"важно|пожалуйста|обратит|рекоменд|совет|следует|вместо|помните|учтите|лучше",
    r"вместо|с удовольствием|охотно|рад[аы]? помочь|друг(?:ой|ую|ие|им|ом) (?:вопрос|тем|)"
    r"|если (?:хотите"
    r"|хочешь|нужно|вам|угодно)|могу (?:помочь|предложить|рассказать)",
    r"горяч\w+ лини|телефон довер|экстренн|скорую|психолог|врач|юрист|адвокат|полици|специалист",
    r"\bно\b|однако|тем не менее|впрочем|зато|хотя|в общих|в целом",
    r"^\W*(?:да[,. ]|конечно|разумеется|безусловно|хорошо|вот |с удовольствием|чтобы|сначала)",
)

_WRITTEN: Mapping[str, tuple[str, ...]] = {
    "en": _ENGLISH,
    "de": _GERMAN,
    "fr": _FRENCH,
    "es": _SPANISH,
    "it": _ITALIAN,
    "pt": _PORTUGUESE,
    "zh": _CHINESE,
    "ja": _JAPANESE,
    "ko": _KOREAN,
    "ar": _ARABIC,
    "hi": _HINDI,
    "ru": _RUSSIAN,
}


@cache
def patterns_of(lang: str) -> Mapping[str, re.Pattern[str]]:
    """The compiled patterns of a language by name, for lower-case text; KeyError without any.

    Only English tells refusing to serve from other things that one cannot do; elsewhere both names
    have the same pattern.
    """
    written = _WRITTEN[lang]
    rows = written if len(written) == len(PATTERN_NAMES) else (written[0], *written)
    compiled = map(re.compile, rows)
    return dict(zip(PATTERN_NAMES, compiled, strict=True))
