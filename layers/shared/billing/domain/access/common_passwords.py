"""Passwords that somebody guesses first: words that are in every list of leaked ones, dressed up to be long enough.

Nearly all of the usual 3,000 are shorter than twelve characters: a list of them would refuse hardly anything here. To
get to twelve, people take a word from such a list, with digits, signs or another such word around it:
``Password1234``, ``qwertyuiop12``, ``Summer2026!!!``, ``P@ssw0rdP@ssw0rd``. The words are our own choice, and few
enough to read; no outside service is asked, and nothing has to be licensed or brought up to date.
"""

import re

PRODUCT = ("ledgerline", "ledger", "billing", "invoice", "payment", "subscription", "tenant", "customer")
"""Words of the context (ASVS 5.0, 6.1.2)."""
_TEXT = """
password passwort passwd passw letmein welcome willkommen bienvenue admin administrator root login logon secret
geheim changeme default temp temporary test testing guest user username master access trustno iloveyou ichliebedich
jetaime princess prinzessin sunshine dragon monkey shadow superman batman spiderman pokemon starwars football
baseball basketball soccer hockey fussball liverpool arsenal chelsea barcelona juventus realmadrid bayern michael
jessica jennifer jordan michelle daniel andrew charlie thomas george ashley nicole william robert matthew joshua
anthony alexander hannah computer internet google facebook linkedin microsoft windows apple samsung amazon summer
winter spring autumn sommer herbst january february march april june july august september october november
december monday tuesday wednesday thursday friday saturday sunday hello hallo bonjour qwerty qwertyuiop qwertz
qwertzuiop azerty azertyuiop asdf asdfgh asdfghjkl zxcvbn zxcvbnm yxcvbnm qazwsx edcrfv abc xyz love money jesus
angel flower cookie chocolate cheese pepper ginger freedom whatever nothing mustang ferrari porsche mercedes
corvette harley killer hunter ranger thunder tigger snoopy mickey donald company office business
"""
_WORDS = tuple(_TEXT.split())
_RUNS = ("1234567890", "0987654321", "0123456789", "9876543210", "qwertyuiop", "poiuytrewq")
_SHORTEST_RUN = 4
_PLAIN = str.maketrans({"@": "a", "4": "a", "3": "e", "1": "i", "!": "i", "0": "o", "$": "s", "5": "s", "7": "t"})
_KNOWN = re.compile("|".join(sorted(map(re.escape, {*_WORDS, *PRODUCT}), key=len, reverse=True)))
_LENGTHS = range(10, _SHORTEST_RUN - 1, -1)
_RUN = re.compile("|".join(run[i : i + n] for n in _LENGTHS for run in _RUNS for i in range(11 - n)))
_MOST_LEFT = 2
"""How many letters may stand between known words: ``Password4you`` has three, and is let through."""


def is_common(password: str, own: tuple[str, ...] = ()) -> bool:
    """Whether a password is nothing but words that are guessed first, with digits and signs around them.

    Args:
        own: further words, such as the parts of the user's address.
    """
    folded = password.casefold()
    # Of "ada.lovelace" the word "love" must not take a part first; of "welcome", the "com" of an address.
    return any(_is_dressed_up(each, words) for each in {folded, folded.translate(_PLAIN)} for words in {(), own})


def _is_dressed_up(text: str, own: tuple[str, ...]) -> bool:
    left = text
    for word in own:
        if len(word) > _MOST_LEFT:
            left = left.replace(word, " ")
    left = _KNOWN.sub(" ", _RUN.sub(" ", left))
    return left != text and sum(each.isalpha() for each in left) <= _MOST_LEFT
