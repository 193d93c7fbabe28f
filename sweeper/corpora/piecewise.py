"""Tokenise piece by piece and remember the pieces: text repeats its words, a tokeniser starts anew at each."""

from array import array
from collections.abc import Callable, Sequence

from sweeper.corpora.pieces import pieces

MEMORY = 200_000
"""Pieces remembered, about 40 MB; when there are more, all are forgotten: what is frequent is soon back."""
LONGEST = 40
"""Characters of a piece that is remembered; longer ones seldom come back."""
Encode = Callable[[Sequence[str]], list[list[int]]]


class PieceByPiece:
    """Gives the tokens that `encode` gives, for a tokeniser that keeps the rule of `pieces`."""

    def __init__(self, encode: Encode, typecode: str, parted: Sequence[str]) -> None:
        """Begin with no memory.

        Args:
            encode: the tokens of each text.
            typecode: of `array`, for the type that tokens are stored in.
            parted: added tokens that a cut may part; texts that contain one are encoded whole.
        """
        self._encode = encode
        self._typecode = typecode
        self._parted = parted
        # A few short strings are found faster than many long ones; a text that has one is looked at closely.
        self._marks = sorted({token[:2] for token in parted})
        self._known: dict[str, bytes] = {}

    def stored(self, texts: Sequence[str]) -> list[bytes]:
        """The tokens of each text, as bytes of the stored type."""
        if len(self._known) > MEMORY:
            self._known.clear()
        cut = [[text] if self._is_whole(text) else pieces(text) for text in texts]
        long = self._learn(cut)
        found = [b"".join(map(self._known.__getitem__, parts)) for parts in cut]
        for piece in long:
            del self._known[piece]
        return found

    def _is_whole(self, text: str) -> bool:
        return any(mark in text for mark in self._marks) and any(token in text for token in self._parted)

    def _learn(self, cut: list[list[str]]) -> list[str]:
        """Encode the pieces that are not known; returns those that are to be forgotten again."""
        known = self._known
        new = list({piece: None for parts in cut for piece in parts if piece not in known})
        known.update(zip(new, (array(self._typecode, ids).tobytes() for ids in self._encode(new)), strict=True))
        return [piece for piece in new if len(piece) > LONGEST]
