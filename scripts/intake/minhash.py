"""Texts with nearly the same words, found by MinHash signatures.

Broder, 1997, "On the resemblance and containment of documents"; candidates by bands: Leskovec,
Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
"""

from hashlib import sha256

import numpy
from spacy.strings import StringStore, get_string_id

# Functions of a signature, and the bands that it is cut into.
SIGNATURE = 16
BANDS = 4
# Places in which near-duplicates agree: about four fifths of their words.
ALIKE = 13
# Words below which two texts are alike too easily.
SHORT = 5

DIGITS = str.maketrans("123456789", "000000000")
FACTORS = numpy.array(
    [int.from_bytes(sha256(str(i).encode()).digest()[:8], "big") | 1 for i in range(SIGNATURE)],
    "u8",
)


def sign(strings: StringStore, tokens: list[numpy.ndarray]) -> numpy.ndarray:
    """A MinHash signature of each text's set of words, case and digits apart (texts x SIGNATURE).

    tokens: for each text an array whose first column is ORTH.
    Two texts agree in about as many places as they have words in common, of all words of both.
    """
    if not tokens:
        return numpy.zeros((0, SIGNATURE), "u2")
    words, inverse = numpy.unique(
        numpy.concatenate([array[:, 0] for array in tokens]), return_inverse=True
    )
    plain = (strings[int(word)].casefold().translate(DIGITS) for word in words)
    keys = numpy.array([get_string_id(word) for word in plain], "u8")[inverse]
    sizes = numpy.array([len(array) for array in tokens])
    begins = numpy.concatenate(([0], numpy.cumsum(sizes)[:-1]))
    columns = [
        numpy.minimum.reduceat((keys * factor) >> numpy.uint64(32), begins) for factor in FACTORS
    ]
    signature = numpy.stack(columns, axis=1).astype("u2")
    signature[sizes < SHORT] = 0
    return signature


def first_of(keys: numpy.ndarray) -> numpy.ndarray:
    """For each of `keys`, where the same key stands first."""
    _, first, inverse = numpy.unique(keys, return_index=True, return_inverse=True)
    return first[inverse]


def near_duplicates(
    signatures: numpy.ndarray, words: numpy.ndarray, first: numpy.ndarray
) -> numpy.ndarray:
    """For each text, an earlier one with nearly the same words, or itself.

    signatures: texts x SIGNATURE; words: of each text; first: where the same text stands first.
    Equal texts are no near-duplicates, and of several only the first counts.
    """
    near = numpy.arange(len(first))
    own = near[(first == near) & (words >= SHORT)]
    width = SIGNATURE // BANDS
    for band in range(BANDS):
        keys = numpy.ascontiguousarray(signatures[own, band * width : (band + 1) * width])
        other = own[first_of(keys.view("u8").ravel())]
        pairs = numpy.stack([own, other])[:, own != other]
        alike = (signatures[pairs[0]] == signatures[pairs[1]]).sum(axis=1) >= ALIKE
        later, earlier = pairs[:, alike]
        near[later] = numpy.minimum(near[later], earlier)
    return near
