"""Thoughts and template tokens in the text of a reply never vote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.answers import (
    ANSWER_NAMES,
    Answer,
    AutoAnswer,
    FreeText,
    JsonAnswer,
    ReActAnswer,
    RedFlags,
    resolve_answer,
    strip_thoughts,
)
from bestofinf.answers.cleaning import cleaned
from bestofinf.drivers import vote
from bestofinf.errors import UsageError
from bestofinf.records import Reply, Sample, ToolCall
from bestofinf.rules.budgets import FixedSamples
from bestofinf.voting.engine import VotingEngine

FORMS = {
    "think": "<think>{}</think>{}",
    "thinking, on lines": "<thinking>\n{}\n</thinking>\n\n{}",
    "in capitals": "<THINK>{}</Think>\n{}",
    "with attributes": '<think signature="x7" redacted="false">{}</think>{}',
    "reasoning": "<reasoning>{}</reasoning>\n{}",
    "of a family": "<seed:think>{}</seed:think>{}",
    "brackets": "[THINK]{}[/THINK]{}",
    "bars": "<|begin_of_thought|>{}<|end_of_thought|>\n<|begin_of_solution|>{}<|end_of_solution|>",
    "upright bars": "<|START_THINKING|>{}<|END_THINKING|><|START_RESPONSE|>{}<|END_RESPONSE|>",
    "triangles": "◁think▷{}◁/think▷{}",
    "escaped for a page": "&lt;think&gt;{}&lt;/think&gt;{}",
    "harmony": "<|channel|>analysis<|message|>{}<|end|><|start|>assistant"
    "<|channel|>final<|message|>{}<|return|>",
    "harmony with a preamble": "<|channel|>analysis<|message|>{0}<|end|><|start|>assistant"
    "<|channel|>commentary<|message|>{0}<|end|><|start|>assistant<|channel|>final<|message|>{1}",
    "harmony without its tokens": "analysisHmm. {}assistantfinal{}",
    "one channel token": "<|channel>thought\n{}<channel|>{}",
    "heading": "Here is my thought process:\n{}\nHere is my response:\n{}",
    "of a command line": "Thinking...\n{}\n...done thinking.\n\n{}",
    "opened by the prompt": "{}\n</think>\n\n{}",
    "nested": "<think>{0} <think>{0}</think> {0}</think>{1}",
    "speaks of its tag": "<think>They want a <think> tag. {}</think>{}",
    "quotes its closing tag": "<think>I must end with `</think>`. {}</think>{}",
    "two": "<think>{0}</think> <think>{0}</think> {1}",
    "an empty one before": "<think></think>\n<think>{}</think>{}",
    "behind the answer": "{1}<think>{0}</think>",
    "closed twice": "<think>{}</think></think>{}",
    "by another name": "<thinking>{}</think>{}",
}
SAID = {
    "auto": ("So \\boxed{5}? The answer is 5.", "The answer is 7."),
    "text": ("five", "seven"),
    "number": ("The answer is 5.", "7"),
    "choice": ("The answer is A.", "B"),
    "boxed": ("\\boxed{5}", "\\boxed{7}"),
    "math": ("\\boxed{5}", "The answer is $7$."),
    "json": ('{"x": 5}', '{"x": 7}'),
    "tool-calls": ('[{"name": "f", "args": {"x": 5}}]', '[{"name": "f", "args": {"x": 7}}]'),
}


@pytest.mark.parametrize("name", ANSWER_NAMES)
@pytest.mark.parametrize("form", FORMS)
def test_an_answer_is_what_stands_outside_of_thoughts(name, form):
    thought, answer = SAID[name]
    kind = resolve_answer(name)
    expected = kind.vote(Reply(text=answer))
    assert expected[0] is not None
    assert kind.vote(Reply(text=FORMS[form].format(thought, answer))) == expected
    assert kind.vote(Reply(text=thought)) != expected


UNCLOSED = (
    "<think>{}",
    "<think>One <reasoning>x</reasoning> {}",
    "[THINK]{}",
    "◁think▷{}",
    "<|begin_of_thought|>{}",
    "<|channel|>analysis<|message|>{}",
    "<|channel|>analysis<|message|>{0}<|end|><|start|>assistant<|channel|>commentary<|message|>{0}",
    "analysisHmm. {}",
    "Here is my thought process: {}",
    "Thinking...\n{}",
    "<think>a</think> <think>{}",
    "<think>a</think\n{}",
)


@pytest.mark.parametrize("name", ANSWER_NAMES)
@pytest.mark.parametrize("form", UNCLOSED)
def test_a_reply_that_ends_in_a_thought_has_no_vote(name, form):
    reply = Reply(text=form.format(SAID[name][0]))
    assert resolve_answer(name).vote(reply) == (None, "ended within its thoughts")


KINDS = {
    "auto": ("auto", "So \\boxed{5}? The answer is 5.", "The answer is 7.", "8"),
    "text": ("text", "five", "seven", "eight"),
    "number": ("number", "The answer is 5.", "7", "8"),
    "choice": ("choice", "The answer is A. Wait: A breaks the rule.", "B", "C"),
    "boxed": ("boxed", "\\boxed{5}", "\\boxed{7}", "\\boxed{8}"),
    "math": ("math", "\\boxed{5}", "The answer is $7$.", "\\boxed{8}"),
    "json": ("json", '{"x": 5}', '{"x": 7}', '{"x": 8}'),
    "tool-calls": ("tool-calls", *(f'[{{"name": "f", "args": {{"x": {x}}}}}]' for x in (5, 7, 8))),
    "a function": (str.strip, "5", "7", "8"),
    "react": (ReActAnswer(), "Answer: 5", "Answer: 7", "Answer: 8"),
    "red flags": (RedFlags(AutoAnswer(), max_chars=40), "Sorry, I cannot help.", "7", "8"),
    "free text": (FreeText(), "It is five.", "It is seven, all things considered.", "It is eight."),
    "fields": (JsonAnswer(fields=["x", "y"]), *(f'{{"x": {x}, "y": 1}}' for x in (5, 7, 8))),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_answers_are_elected_and_not_the_thoughts(name):
    given, thought, answer, other = KINDS[name]
    kind = resolve_answer(given)
    said = [answer, answer, other, answer, answer]
    texts = [f"<think>\n{thought}\n{thought}\n</think>\n\n{text}" for text in said]
    engine = VotingEngine(FixedSamples(5), answer=kind)
    decision = vote(
        engine, lambda draw: Sample(None, reply=Reply(text=texts[draw.index])), answer=kind
    )
    assert decision.answer == kind.vote(Reply(text=answer))[0]
    assert (decision.n_samples, decision.n_abstained) == (5, 0)
    assert decision.winner.reply.text == texts[0]  # handed out as it came


def test_an_object_composed_of_fields_is_not_taken_from_thoughts():
    kind = JsonAnswer(fields=["x", "y"])
    replies = [
        Reply(text=f'<think>{{"x": 0, "y": 0}}</think> {{"x": {x}, "y": {y}}}')
        for x, y in ((1, 2), (1, 3), (4, 2))
    ]
    samples = [Sample(kind.vote(reply)[0], reply=reply) for reply in replies[1:]]
    composed = kind.compose({"x": "1", "y": "2"}, samples)
    assert composed.reply.parsed == {"x": 1, "y": 2}


def test_calls_and_objects_stand_beside_a_thought_that_is_not_closed():
    call = Reply(text="<think>let me call", tool_calls=(ToolCall("f", {"x": 1}),))
    assert resolve_answer("auto").vote(call)[0] == '[{"args":{"x":1},"name":"f"}]'
    parsed = Reply(text="<think>let me", parsed={"x": 1})
    assert resolve_answer("json").vote(parsed)[0] == '{"x":1}'


def test_tags_of_the_users_own_are_thoughts_too():
    kind = resolve_answer("choice").with_thoughts("Plan")
    reply = Reply(text="<plan>The answer is A.</plan><think>Or C?</think> B")
    assert kind.vote(reply)[0] == "B"
    assert kind.vote(Reply(text="<plan>The answer is A.")) == (None, "ended within its thoughts")
    assert resolve_answer("choice").vote(Reply(text="<plan>The answer is A."))[0] == "A"
    with pytest.raises(UsageError, match="name of a tag"):
        kind.with_thoughts("<plan>")


def test_an_answer_type_of_the_users_own_reads_replies_without_thoughts():
    class LastWord(Answer):
        def extract(self, reply):
            return reply.text.split()[-1]

    assert LastWord().vote(Reply(text="It is B <think>or A</think>"))[0] == "B"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("42<|im_end|>", "42"),
        ("<|im_start|>assistant\n42<|im_end|>\n<|im_start|>user\nAnd 43?<|im_end|>", "42"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\n42<|eot_id|>", "42"),
        ("assistant\n\n42", "42"),
        ("It is 42.assistant\n\nIt is 43.", "It is 42."),
        ("[/INST] 42 </s><s>[INST] And 43? [/INST]", "42"),
        ("<|Assistant|>42<｜end▁of▁sentence｜>".replace("|A", "｜A").replace("t|", "t｜"), "42"),
        ("<start_of_turn>model\n42<end_of_turn>", "42"),
        ("<|im_start|>user\n43", ""),
        ("The answer is <s>43</s> 42.", "The answer is <s>43</s> 42."),
        ("```\n42\n```", "42"),
        ("~~~ text\n42\n~~~", "42"),
        ("```python\n42\n```", "```python\n42\n```"),
        ("```\n[42]\n```", "```\n[42]\n```"),
        ("```\n42\n```\nor\n```\n43\n```", "```\n42\n```\nor\n```\n43\n```"),
        ("\ufeff4\u200b2\u2060", "42"),
    ],
)
def test_what_templates_and_fences_add_is_no_part_of_the_answer(text, shown):
    assert cleaned(Reply(text=text)).text == shown


def test_a_reply_with_nothing_to_remove_is_handed_on_as_it_is():
    for text in ("42", "a < b and [1, 2]", "I keep [thinking] about it.", "Use the `<think>` tag."):
        reply = Reply(text=text)
        assert cleaned(reply) is reply


def test_thoughts_are_stripped_from_texts_that_are_shown():
    assert strip_thoughts("<think>a</think>\n\nb") == "b"
    assert strip_thoughts("b\n<think>a") == "b\n"
    assert strip_thoughts("<plan>a</plan>b", thoughts=("plan",)) == "b"
    assert strip_thoughts("<think>a</think>b", thoughts=()) == "<think>a</think>b"


PIECES = st.sampled_from(
    [
        *(
            "<think>",
            "</think>",
            "[THINK]",
            "[/THINK]",
            "<reasoning>",
            "</reasoning>",
            "`",
            "x",
            " ",
        ),
        *("<|channel|>final<|message|>", "<|end|>", "```\n", "\n", "analysisA", "assistantfinal"),
    ]
)


@given(st.lists(PIECES, max_size=12))
def test_what_is_left_of_any_text_was_in_it_and_reads_the_same_again(pieces):
    text = "".join(pieces)
    shown = strip_thoughts(text)
    rest = iter(text)
    assert all(character in rest for character in shown if character != "\n")
    if "`" not in text and "<|" not in text and "analysis" not in text:
        assert strip_thoughts(shown) == shown
