"""Which column has the words and which the names, in files with a word a line of many origins."""

from pathlib import Path

import pytest

from scripts.exceptions import DataError, UnusableError
from scripts.intake.layout import Hints
from tests.corpus import EXPECTED, SENTENCES, Sentence, content, rows_of, tags_of
from tests.reading import read, read_or_codes


def save(path: Path, blocks: list[list[str]], between: str = "\n") -> Path:
    """Write a file of sentences, each a list of lines."""
    path.write_text("".join("\n".join(lines) + "\n" + between for lines in blocks), "utf8")
    return path


def tagged(form: str, sentences: list[Sentence] = SENTENCES) -> list[list[str]]:
    """The lines of each sentence.

    form: of a line, with {word}, {tag}, and the numbers {i} of the word and {n} of the sentence.
    """
    return [
        [form.format(word=w, tag=t, i=i, n=n) for i, (w, t) in enumerate(rows_of(sentence), 1)]
        for n, sentence in enumerate(sentences)
    ]


# Which column has the words


@pytest.mark.parametrize("form", ["{n}\t{word}\t{tag}", "{i}\t{n}\t{word}\t{tag}",
                                  "{n}\t{i}\t{word}\tNN\t{tag}", "Sentence: {n}\t{word}\t{tag}",
                                  "17 {word} {tag}", "{n}-{i} {word} {tag}"])  # fmt: skip
def test_numbers_of_sentences_and_words_are_no_words(form: str, tmp_path: Path) -> None:
    assert content(read(save(tmp_path / "a.tsv", tagged(form)))) == EXPECTED


@pytest.mark.parametrize("form", ["{n}\t{word}\t{tag}", "Sentence: {n},{word},{tag}"])
def test_a_column_of_sentences_cuts_where_no_line_is_blank(form: str, tmp_path: Path) -> None:
    path = save(tmp_path / "a.tsv", tagged(form), between="")
    if "," in form:  # a comma as a word needs quotes
        path.write_text("id,word,tag\n" + path.read_text("utf8").replace(",,,", ',",",'), "utf8")
    assert content(read(path)) == EXPECTED


def test_whole_numbers_alone_are_refused_with_what_to_write(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tsv", [["1\tO", "2\tB-NUMBER", "7\tO"]])
    with pytest.raises(DataError, match=r"a\.tsv: .*data\.columns: \{word: 2\}"):
        read(path)
    (record,) = read(path, hints=Hints(columns=(("word", "1"),)))
    assert (record.text, record.spans) == ("1 2 7", [(2, 3, "NUMBER")])


def test_what_is_the_same_in_every_row_is_no_word(tmp_path: Path) -> None:
    assert content(read(save(tmp_path / "a.tsv", tagged("text.xml {word} {tag}")))) == EXPECTED


def test_tags_may_stand_before_the_words(tmp_path: Path) -> None:
    assert content(read(save(tmp_path / "a.bio", tagged("{tag}\t{word}")))) == EXPECTED


def test_columns_named_by_a_person_overrule_what_they_look_like(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tsv", tagged("{word}\tlemma{i}\t{tag}\tB-NP"))
    (first, *_) = read(path, hints=Hints(columns=(("word", "2"), ("tag", "4"))))
    assert first.text.startswith("lemma1 lemma2") and len(first.spans or []) == 10
    with pytest.raises(DataError, match="no column 5; there are 1 to 4"):
        read(path, hints=Hints(columns=(("tag", "5"),)))
    rows = [["form\tner\tworker", *lines] if n == 0 else lines
            for n, lines in enumerate(tagged("{word}\tO\t{tag}"))]  # fmt: skip
    named = Hints(columns=(("tag", "worker"),))
    assert content(read(save(path, rows), hints=named)) == EXPECTED


def test_a_header_says_which_column_is_which(tmp_path: Path) -> None:
    lines = tagged("x{i}\t{word}\t{tag}\tB-OTHER")
    lines[0].insert(0, "id\tToken\tTag\tworker2")
    assert content(read(save(tmp_path / "a.tsv", lines))) == EXPECTED


# Which column has the names


@pytest.mark.parametrize("phrases", ["I-NC", "B-NP", "I-VC"])
def test_phrases_are_no_names(phrases: str, tmp_path: Path) -> None:
    path = save(tmp_path / "deu.train", tagged("{word} lemma NE " + phrases + " {tag}"))
    assert content(read(path)) == EXPECTED


def test_tags_on_most_words_beside_others_are_asked_about(tmp_path: Path) -> None:
    path = save(tmp_path / "a.conll", tagged("{word} I-XYZ {tag}"))
    with pytest.raises(DataError, match=r"2: XYZ; 3: CITY.*data\.columns: \{tag: 3\}"):
        read(path)
    assert content(read(path, hints=Hints(columns=(("tag", "3"),)))) == EXPECTED


# How words are written


@pytest.mark.parametrize("prefix", ["en:", "zh-min:", "w="])
def test_what_every_word_begins_with_is_no_part_of_it(prefix: str, tmp_path: Path) -> None:
    assert content(read(save(tmp_path / "train", tagged(prefix + "{word}\t{tag}")))) == EXPECTED


def test_characters_of_a_script_without_blanks_are_joined(tmp_path: Path) -> None:
    sentence: Sentence = ([*"李强去年加入了晨光银行，在武汉上班。"],
                          [(0, 2, "人"), (7, 11, "公司"), (13, 15, "城市")])  # fmt: skip
    path = save(tmp_path / "train.txt", tagged("{word} {tag}", [sentence] * 2))
    first, second = read(path)
    assert first.text == second.text == "李强去年加入了晨光银行，在武汉上班。"
    assert first.spans == [(0, 2, "人"), (7, 11, "公司"), (13, 15, "城市")]


def test_words_of_two_scripts_have_blanks_where_both_sides_do(tmp_path: Path) -> None:
    sentence: Sentence = (["李强", "用", "Graph", "Works", "写", "报告", "。"], [(2, 4, "产品")])
    (record,) = read(save(tmp_path / "a.txt", tagged("{word} {tag}", [sentence])))
    assert record.text == "李强用Graph Works写报告。"
    assert [record.text[s:e] for s, e, _ in record.spans or []] == ["Graph Works"]


def test_characters_of_a_script_with_blanks_need_them(tmp_path: Path) -> None:
    text = "Mira sang in Turku and left again ."
    letters: Sentence = ([*text.replace(" ", "")], [(0, 4, "PERSON")])
    path = save(tmp_path / "a.tsv", tagged("{word}\t{tag}", [letters]))
    with pytest.raises(DataError, match="a character a line"):
        read(path)
    (record,) = read(save(path, tagged("{word}\t{tag}", [([*text], [(0, 4, "PERSON")])])))
    assert (record.text, record.spans) == (text, [(0, 4, "PERSON")])


# How tags are written


@pytest.mark.parametrize("scheme", ["BIIB", "BIEU", "BMES", "BMEW", "BILU"])
@pytest.mark.parametrize("is_lower", [False, True])
def test_schemes_of_tags(scheme: str, is_lower: bool, tmp_path: Path) -> None:
    blocks = []
    for sentence in SENTENCES:
        tags = [tag.lower() if is_lower else tag for tag in tags_of(sentence, scheme)]
        blocks.append([f"{w} {t}" for w, t in zip(sentence[0], tags, strict=True)])
    expected = [
        (text, [(s, e, label.lower() if is_lower else label) for s, e, label in spans])
        for text, spans in EXPECTED
    ]
    assert content(read(save(tmp_path / "a.bmes", blocks))) == expected


def test_labels_alone_as_tags(tmp_path: Path) -> None:
    """As Stanford's tagger writes them; names that follow each other cannot be told apart."""
    path = save(tmp_path / "a.tsv", [[x.replace("\tB-", "\t").replace("\tI-", "\t") for x in lines]
                                     for lines in tagged("{word}\t{tag}")])  # fmt: skip
    assert content(read(path)) == EXPECTED


def test_blanks_behind_tags_mean_nothing(tmp_path: Path) -> None:
    assert content(read(save(tmp_path / "a.tsv", tagged("{word}\t{tag} ")))) == EXPECTED


@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n"])
def test_ends_of_lines_of_all_systems(end: bytes, tmp_path: Path) -> None:
    path = save(tmp_path / "a.tsv", tagged("{word}\t{tag}"))
    path.write_bytes(path.read_bytes().replace(b"\n", end))
    assert content(read(path)) == EXPECTED


# Files of other programs


def test_conllu_plus_names_its_columns(tmp_path: Path) -> None:
    blocks = tagged("{i}\t{word}\tX\t{tag}")
    for n, lines in enumerate(blocks):
        head = "# global.columns = ID FORM UPOS NER\n" if n == 0 else ""
        lines.insert(0, f"{head}# sent_id = {n}\n# text = x")
    assert content(read(save(tmp_path / "a.conllup", blocks))) == EXPECTED


def test_names_in_misc_of_conllu_and_words_in_two_rows(tmp_path: Path) -> None:
    form = "{i}\t{word}\t_\tX\t_\t_\t{i}\tdep\t_\tSpaceAfter=No|NER={tag}"
    blocks = tagged(form)
    blocks[2].insert(0, "1-2\tItsnowed\t_\t_\t_\t_\t_\t_\t_\t_")
    assert content(read(save(tmp_path / "a.conllu", blocks))) == EXPECTED


def test_comments_of_germeval(tmp_path: Path) -> None:
    blocks = tagged("{i}\t{word}\t{tag}\tO")
    for n, lines in enumerate(blocks):
        lines.insert(0, f"#\thttp://example.org/{n} [2009-10-17]")
    assert content(read(save(tmp_path / "a.tsv", blocks))) == EXPECTED


def test_a_hash_can_be_a_word(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tsv", [*tagged("{word}\t{tag}"), ["#\tO", "17\tO"]])
    assert read(path)[-1].text == "# 17"


def test_no_blank_line_in_hundreds_of_words_is_said(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tsv", tagged("{word}\t{tag}", SENTENCES * 20), between="")
    with pytest.raises(DataError, match=r"a\.tsv:501: a text of over 500 words.* blank line"):
        read(path)


def test_words_that_are_counted_anew_need_a_blank_line(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tsv", tagged("{i}\t{word}\t{tag}"), between="")
    with pytest.raises(DataError, match=r"a\.tsv:11: the words are counted anew"):
        read(path)


def test_a_table_of_tokens_with_quoted_cells(tmp_path: Path) -> None:
    lines = ["Sentence #,Word,POS,Tag"]
    for n, sentence in enumerate(SENTENCES):
        for i, (word, tag) in enumerate(rows_of(sentence)):
            quoted = f'"{word}"' if word == "," else word
            lines.append(f"{'' if i else f'Sentence: {n}'},{quoted},NN,{tag}")
    assert content(read(save(tmp_path / "ner.csv", [lines]))) == EXPECTED


def test_webanno_numbers_its_spans(tmp_path: Path) -> None:
    blocks = [["#FORMAT=WebAnno TSV 3.3", "#T_SP=a.b.POS|PosValue",
               "#T_SP=a.b.NamedEntity|identifier|value", ""]]  # fmt: skip
    number = 0
    for n, sentence in enumerate(SENTENCES, 1):
        lines = [f"#Text={' '.join(sentence[0])}"]
        for i, (word, tag) in enumerate(rows_of(sentence), 1):
            number += tag.startswith("B")
            mark = f"*[{number}]\t{tag[2:]}[{number}]" if tag != "O" else "_\t_"
            lines.append(f"{n}-{i}\t0-0\t{word}\tNN\t{mark}\t")
        blocks.append(lines)
    assert content(read(save(tmp_path / "a.tsv", blocks))) == EXPECTED


def test_two_labels_of_a_word_in_webanno_reject_the_sentence(tmp_path: Path) -> None:
    lines = ["#FORMAT=WebAnno TSV 3.3", "#T_SP=a.NamedEntity|value", "", "#Text=Graz",
             "1-1\t0-4\tGraz\tCITY[1]|CLUB[2]\t"]  # fmt: skip
    assert list(read_or_codes(save(tmp_path / "a.tsv", [lines]))) == ["shape"]
    with pytest.raises(UnusableError, match="two labels of a word"):
        read(tmp_path / "a.tsv")
