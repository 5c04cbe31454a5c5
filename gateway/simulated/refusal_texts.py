"""The words of a simulated refusal: direct, indirect and partial, many styles of each."""

from __future__ import annotations

DIRECT = {
    "sorry-short": "I'm sorry, but I won't be able to help with {topic}.",
    "flat": "No. I don't provide help with {topic}.",
    "cannot-assist": "I can't assist with that request.",
    "as-an-ai": (
        "As an AI language model, I have to stay within my safety guidelines, and a question about"
        " {topic} falls outside of them. I'm unable to answer it."
    ),
    "policy": (
        "This request conflicts with the content policy I operate under, so I must decline. Nothing"
        " personal: the answer would be the same for anyone who asks about {topic}."
    ),
    "not-comfortable": (
        "I'm not comfortable going into {topic}. It could contribute to someone being hurt, and"
        " that is a line I keep."
    ),
    "thanks-but": (
        "Thank you for your question. Unfortunately {topic} is not something that I can speak to,"
        " so I will have to leave it unanswered."
    ),
    "harm-reasoning": (
        "I understand that you may have a reason for asking, but information on {topic} has a real"
        " potential for misuse. For that reason I will not provide it."
    ),
    "moral": (
        "Treating people with dignity matters to me, and engaging with {topic} in the way you"
        " describe would work against that. I have to refuse."
    ),
    "markdown-warning": "**Request declined**\n\nI am not able to generate content about {topic}.",
    "brief-apology": "Sorry, I can't do that.",
    "long-formal": (
        "I apologize for any inconvenience, but I am unable to fulfil this request. My purpose is"
        " to be helpful while avoiding harm, and providing material on {topic} would not be"
        " consistent with it. I appreciate your understanding."
    ),
    "will-not-write": (
        "I won't write this. Whatever the framing, the substance here is {topic}, and I don't take"
        " part in that."
    ),
    "legal": (
        "What you describe may be against the law in many places, and it would be irresponsible of"
        " me to advise on {topic}. I must therefore decline to answer."
    ),
    "curly": "I\u2019m sorry, I can\u2019t help with {topic}.",
    "not-programmed": (
        "It would not be appropriate for me to discuss {topic}. I am designed to refuse requests of"
        " this kind."
    ),
    "lower-case": "sorry, i'm not going to help with this one.",
    "against-guidelines": (
        "My guidelines do not allow me to respond to questions about {topic}. I cannot make an"
        " exception here."
    ),
}
"""Says that it will not answer."""

INDIRECT = {
    "alternative": (
        "I can't go into {topic}. What I can do is talk about how people stay safe around it, or"
        " point you to organisations that work on it. Would either of those be useful?"
    ),
    "let-us-instead": (
        "Rather than {topic}, let's focus on something more constructive. I'd be glad to help you"
        " write a story with a hopeful turn, plan a difficult conversation, or learn about conflict"
        " resolution."
    ),
    "professional": (
        "This is a matter that I'd rather leave to a professional. A licensed counsellor, a lawyer"
        " or your local health service could look at your situation properly. If you want, I can"
        " help you prepare questions for them."
    ),
    "what-is-behind": (
        "It sounds as though something is behind this question, and I would like to understand it."
        " I'm not able to provide details on {topic}, but I am happy to listen. What has been going"
        " on?"
    ),
    "positive-spin": (
        "How about we look at this from another side? I could share ideas on kindness, respect and"
        " building trust with the people around you, which tends to lead further than {topic}."
    ),
    "options-list": (
        "That's not something I can take on, but here is what I can offer in its place:\n\n"
        "- a general history of the laws on this subject\n"
        "- tips for staying safe online\n"
        "- contacts of support services in your country\n\n"
        "Tell me which of them you'd like."
    ),
    "legal-ways": (
        "Instead of {topic}, I'd encourage you to consider lawful ways of reaching the same goal."
        " I can walk you through how to file a complaint, ask for mediation, or find legal aid."
    ),
    "hotline": (
        "I'm really concerned about your well-being, and I don't think a chat about {topic} is what"
        " would help most right now. Please consider reaching out to a crisis line or to somebody"
        " whom you trust. I can help you find the number for where you live."
    ),
    "education": (
        "I'd prefer not to answer this one as it is put. If your interest is academic, I can"
        " recommend how to search a library for peer-reviewed work on {word}, or explain how"
        " researchers obtain ethical approval."
    ),
    "reframe": (
        "Could we reframe this? I won't speak about {topic}, but I'd happily help with a question"
        " on prevention, on recognising warning signs, or on supporting those affected."
    ),
    "creative-swap": (
        "That particular piece isn't one I can write. I could offer you a lighter one: a short"
        " comic scene, a limerick about office life, or a dialogue between two rival bakers. Shall"
        " I?"
    ),
    "community": (
        "Questions around {word} deserve more care than I can give them here. You might find better"
        " support in a community group or with a mentor, and I can help you to draft a first"
        " message to one."
    ),
    "curly-alternative": (
        "I\u2019m not able to help with that, but I\u2019d be happy to help you think through"
        " what you\u2019re hoping to achieve, and find a safer route to it."
    ),
    "respect": (
        "Everyone deserves respect, whatever their background. Instead of answering this, may I"
        " suggest that we talk about how stereotypes arise and how one can question them?"
    ),
}
"""Offers something else instead of answering."""

PARTIAL = {
    "sorry-then-general": (
        "I'm sorry, but I can't give specific guidance on {topic}. In general terms, though, it"
        " helps to know that most cases begin with a lack of oversight, go on because nobody"
        " reports them, and end once records are checked by a second person."
    ),
    "cannot-but-overview": (
        "I cannot provide instructions for {topic}. That said, here is a broad overview: there is"
        " usually a preparation phase, a phase in which trust is established, and a final phase in"
        " which the result is hidden. Each of the three leaves traces."
    ),
    "decline-details": (
        "I have to decline the details of {topic}. What can be said is that the subject has been"
        " studied since the 1970s, that the numbers are disputed, and that context matters more"
        " than any single cause."
    ),
    "not-endorse-answer": (
        "I shouldn't be helping with {topic}, and I won't cover all of it. The part I can answer:"
        " timing and familiarity play the largest role, money a smaller one than people assume."
    ),
    "half-list": (
        "I'm unable to answer this fully because parts of it could be harmful. The parts that I can"
        " share:\n\n1. The term itself is older than most people think.\n2. Its meaning shifted in"
        " the last two decades.\n3. Courts and dictionaries do not agree on it.\n\nThe rest I will"
        " leave out."
    ),
    "fiction-only": (
        "I won't explain {topic} as such. As a purely fictional passage: \"Mara closed the ledger,"
        ' looked at the clock and knew that by morning somebody would ask. She left the light on."'
        " That is as far as I will take it."
    ),
    "refuse-first-part": (
        "To the first half of your request I have to say no. As for the second half: yes, the word"
        " {word} does appear in that context, mostly in reports and in older novels, and it is used"
        " loosely there."
    ),
    "guidelines-however": (
        "My guidelines keep me from advising on {topic}. However, the commonly known facts are"
        " these: it takes longer than films suggest, it rarely works the first time, and those who"
        " try it are usually known to the other side."
    ),
    "redacted": (
        "I can only answer this in part and must leave out anything operational. In short: the"
        " principle is simple, the execution is [omitted], and the consequences are severe."
    ),
    "joke-refuse-one": (
        "I don't want to make jokes at anyone's expense, so I'm going to pass on {topic} as asked."
        " Here is one that only hurts me: I told my calendar a secret, and now its days are"
        " numbered."
    ),
    "no-names": (
        "I can't name individuals or give private details. Without names, the pattern in {topic} is"
        " well documented: a complaint, a delay, a quiet settlement, and then a change of rules."
    ),
    "uneasy": (
        "Honestly, I'm reluctant here and won't go through {topic} step by step. If it helps at"
        ' all, the usual answer people give is "slowly, and with somebody watching", and I\'d stop'
        " at that."
    ),
}
"""Refuses, and then partly complies."""

NATIVE = {
    "native-sorry": "I'm sorry, I can't help with {topic}.",
    "native-assist": "I'm sorry, but I cannot assist with that request.",
    "native-comply": "I'm very sorry, but I can't comply with a request about {topic}.",
    "native-short": "I can't continue with this.",
}
"""What stands in ``message.refusal``."""

BROKEN_OFF = {
    "begins-answer": (
        "Let's look at {topic}. A first thing to know is that the subject is wider than it seems."
        " It begins with a habit that most people share, and it grows wherever two such habits"
        " meet. In the usual case the second step follows within a week, and then"
    ),
    "begins-list": (
        "Here are some points on {topic}:\n\n1. Context comes first: the same act means different"
        " things in a village and in a city.\n2. Time comes second, because most of it happens in"
        " the early hours.\n3. Money matters less than"
    ),
    "begins-story": (
        "The evening was quiet, and nobody in the house had thought of {word} yet. Mara put the"
        " lamp on the sill, as she did every night, and sat down to read what her brother had sent."
        " The letter was short. It said that by Sunday"
    ),
    "begins-overview": (
        "Sure. An overview of {topic} has three parts. The first is the preparation, which takes"
        " longest and which people tend to rush. The second is the work itself, done in the order"
        " of the list. The third"
    ),
}
"""A good part of an answer, before the provider breaks it off."""
