"""Find texts that have nearly the same words, by MinHash signatures.

Signatures: Broder, 1997, "On the resemblance and containment of documents". Only texts with an
equal band of their signatures are compared: Leskovec, Rajaraman and Ullman, Mining of Massive
Datasets, section 3.4.
"""

from hashlib import sha256

import numpy
from spacy.strings import StringStore, get_string_id

# The number of hash functions of a signature, and of the bands that it is divided into.
SIGNATURE = 16
BANDS = 4
# Near-duplicates agree in at least so many places: they share about four fifths of their words.
ALIKE = 13
# Texts of fewer words are not compared: they have nearly the same words too easily.
MIN_WORDS = 5

DIGITS = str.maketrans("123456789", "000000000")
FACTORS = numpy.array(
    [int.from_bytes(sha256(str(i).encode()).digest()[:8], "big") | 1 for i in range(SIGNATURE)],
    "u8",
)


def sign(strings: StringStore, tokens: list[numpy.ndarray]) -> numpy.ndarray:
    """Return the MinHash signature of every text's set of words (texts x SIGNATURE, 16 bits each).

    strings: the store that has the words.
    tokens: for each text an array (words x attributes) whose first column is ORTH.

    Words that differ only in case or in their digits (other than 0) count as the same. The share
    of places in which two signatures agree estimates the share of words that both texts have,
    among the words of either.
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
    signature[sizes < MIN_WORDS] = 0
    return signature


def first_of(keys: numpy.ndarray) -> numpy.ndarray:
    """Return for every key the index of the first one that is equal to it."""
    _, first, inverse = numpy.unique(keys, return_index=True, return_inverse=True)
    return first[inverse]


def near_duplicates(
    signatures: numpy.ndarray, words: numpy.ndarray, first: numpy.ndarray
) -> numpy.ndarray:
    """Return for every text the index of an earlier one with nearly the same words, or its own.

    signatures: the signatures of the texts (texts x SIGNATURE).
    words: the number of words of each text.
    first: for each text the index of the first one that is equal to it.

    Equal texts are not near-duplicates: only the first of them is compared with others.
    """
    near = numpy.arange(len(first))
    own = near[(first == near) & (words >= MIN_WORDS)]
    width = SIGNATURE // BANDS
    for band in range(BANDS):
        keys = numpy.ascontiguousarray(signatures[own, band * width : (band + 1) * width])
        other = own[first_of(keys.view("u8").ravel())]
        pairs = numpy.stack([own, other])[:, own != other]
        alike = (signatures[pairs[0]] == signatures[pairs[1]]).sum(axis=1) >= ALIKE
        later, earlier = pairs[:, alike]
        near[later] = numpy.minimum(near[later], earlier)
    return near
