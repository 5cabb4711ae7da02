"""Runs the evaluation tools themselves against the loopback server, where they are installed."""

import json
import os
import random
import re
import shutil
import subprocess

import pytest

from support.backends import FunctionBackend
from support.reply import Served
from support.server import LoopbackServer

QUESTIONS = [(a, a + 7) for a in range(11, 23)]
CHOICES = "ABCD"
ARITHMETIC = re.compile(r"(\d+) \+ (\d+)")


def executable(name):
    """Return the program, or skip the test."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on the path: install it to read logs that it makes itself")
    return found


def served(rng, request):
    """Reply as a reasoning model does whose thoughts name a wrong answer first."""
    found = ARITHMETIC.findall(request.last_user_text)
    a, b = map(int, found[-1]) if found else (1, 1)
    right = rng.random() < 0.75
    value = a + b + (0 if right else rng.choice([-1, 1, 10]))
    thought = f"Is it {a + b + 1}? The answer is {a + b + 1}? No."
    if "ANSWER:" in request.last_user_text:  # a multiple choice of Inspect
        letter = "B" if right else rng.choice("ACD")
        return Served(f"<think>\n{thought}\n</think>\n\nI add.\n\nANSWER: {letter}", tokens=40)
    if request.body["model"] == "thinker":
        return Served(
            f"{a} + {b} = {value}.\n#### {value}", tokens=30, extra={"reasoning_content": thought}
        )
    return Served(f"<think>\n{thought}\n</think>\n\nSo the answer is {value}.", tokens=35)


def server(seed=5):
    rng = random.Random(seed)
    return LoopbackServer(
        FunctionBackend(lambda request: served(rng, request), models=("plain", "thinker")),
        extra_keys=frozenset({"reasoning_effort", "max_gen_toks", "type"}),
    )


def run(command, folder, **environment):
    """Run a tool offline; what it prints is shown where it fails."""
    offline = {
        "OPENAI_API_KEY": "none",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "INSPECT_DISPLAY": "plain",
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
        "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
        "PROMPTFOO_CONFIG_DIR": str(folder / "promptfoo"),
        "HF_HOME": str(folder / "hf"),
    }
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**kept, **offline, **environment},
        capture_output=True,
        text=True,
        timeout=1200,  # on a busy machine
    )
    assert done.returncode in (0, 100), f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


INSPECT_TASKS = """
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import answer, choice, match
from inspect_ai.solver import generate, multiple_choice

QUESTIONS = {questions!r}

@task
def sums():
    samples = [Sample(id=f"s{{a}}", input=f"What is {{a}} + {{b}}?", target=str(a + b)) for a, b in QUESTIONS]
    return Task(dataset=samples, solver=generate(), scorer=match(numeric=True))

@task
def choices():
    samples = [
        Sample(id=n, input=f"What is {{a}} + {{b}}?", target="B",
               choices=[str(a + b - 1), str(a + b), str(a + b + 1), str(a + b + 10)])
        for n, (a, b) in enumerate(QUESTIONS)
    ]
    return Task(dataset=samples, solver=multiple_choice(), scorer=choice())
"""


def inspect_logs(folder, url, *, task, model="plain", epochs=8, form="eval"):
    program = executable("inspect")
    (folder / "tasks.py").write_text(INSPECT_TASKS.format(questions=QUESTIONS))
    logs = folder / f"{task}-{model}-{form}"
    run(
        [
            program, "eval", f"tasks.py@{task}", "--model", f"openai-api/loop/{model}",
            "--epochs", str(epochs), "--log-dir", str(logs), "--log-format", form,
            "--temperature", "0.8", "--no-fail-on-error", "--max-connections", "4",
        ],
        folder,
        LOOP_BASE_URL=url,
        LOOP_API_KEY="none",
    )  # fmt: skip
    (log,) = logs.glob(f"*.{form}")
    return log


LM_EVAL_TASK = """
task: made_sums
dataset_path: json
dataset_kwargs:
  data_files: {{test: {data}}}
test_split: test
output_type: generate_until
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_target: "{{{{answer}}}}"
repeats: {repeats}
generation_kwargs: {{until: ["</s>"], do_sample: true, temperature: 0.8, max_gen_toks: 64}}
filter_list:
  - name: strict
    filter:
      - {{function: regex, regex_pattern: "#### (\\\\-?[0-9]+)"}}
      - {{function: take_first}}
  - name: flexible
    filter:
      - {{function: regex, group_select: -1, regex_pattern: "(-?[0-9]+)"}}
      - {{function: take_first}}
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true}}
"""


def lm_eval_logs(folder, url, *, model="thinker", repeats=8):
    program = executable("lm_eval")
    tasks = folder / "tasks"
    tasks.mkdir(exist_ok=True)
    data = tasks / "sums.jsonl"
    rows = [
        {"question": f"What is {a} + {b}?", "answer": f"We add {a} and {b}.\n#### {a + b}"}
        for a, b in QUESTIONS
    ]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tasks / "made_sums.yaml").write_text(LM_EVAL_TASK.format(data=data, repeats=repeats))
    out = folder / "lm-out"
    run(
        [
            program, "--model", "local-chat-completions", "--model_args",
            f"model={model},base_url={url}/chat/completions,num_concurrent=1,max_retries=1,tokenized_requests=False",
            "--tasks", "made_sums", "--include_path", str(tasks), "--log_samples",
            "--output_path", str(out), "--apply_chat_template",
        ],
        folder,
    )  # fmt: skip
    (log,) = out.rglob("samples_*.jsonl")
    return log


def promptfoo_logs(folder, url, *, repeat=8):
    program = executable("promptfoo")
    config = {
        "prompts": ["What is {{a}} + {{b}}? Say the number."],
        "providers": [
            {
                "id": f"openai:chat:{model}",
                "label": model,
                "config": {"apiBaseUrl": url, "temperature": 0.8, "max_tokens": 99},
            }
            for model in ("plain", "thinker")
        ],
        "tests": [
            {"vars": {"a": a, "b": b}, "assert": [{"type": "icontains", "value": str(a + b)}]}
            for a, b in QUESTIONS
        ],
    }
    (folder / "config.json").write_text(json.dumps(config))
    out = folder / "results.json"
    run(
        [
            program, "eval", "-c", "config.json", "--repeat", str(repeat), "--no-cache",
            "-o", str(out), "-o", str(folder / "results.jsonl"), "--no-progress-bar", "--no-table",
        ],
        folder,
    )  # fmt: skip
    return out, folder / "promptfoo" / "promptfoo.db"
