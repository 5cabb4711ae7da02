"""Logs of other tools, written as those tools write them: small, and without the tools."""

import json

from backports.zstd import zipfile

THOUGHT = "<think>\nIs it {0}? The answer is {0}. No.\n</think>\n\n"
"""Names a wrong answer in words that would be a vote."""


def reply(value, thought=99):
    return f"{THOUGHT.format(thought)}So the answer is {value}."


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def inspect_sample(id_, epoch, text, *, target="4", grade="C", said=None, **more):
    """Return one epoch as Inspect 0.3.285 writes it, with events that nobody needs."""
    content = [
        {"type": "reasoning", "reasoning": "The answer is 99.", "redacted": False},
        {"type": "text", "text": text},
    ]
    message = {"role": "assistant", "content": content, "model": "m", "source": "generate"}
    choice = {"message": message, "stop_reason": more.pop("stop_reason", "stop")}
    return {
        "id": id_,
        "epoch": epoch,
        "input": f"What is {id_}?",
        "target": target,
        "messages": [{"role": "user", "content": f"What is {id_}?"}, message],
        "output": {
            "model": "m",
            "choices": [choice],
            "completion": text,
            "usage": {"input_tokens": 5, "output_tokens": 30, "total_tokens": 35},
            "time": 0.2,
        },
        "scores": {"match": {"value": grade, "answer": said, "explanation": text}},
        "model_usage": {"openai/m": {"input_tokens": 5, "output_tokens": 30}},
        "uuid": f"u-{id_}-{epoch}",
        "events": [{"event": "model", "output": {"completion": "The answer is 98."}}] * 4,
        "attachments": {},
        **more,
    }


def inspect_header(*, model="openai/m", task="sums", epochs=8, **more):
    run = {
        "task": task,
        "model": model,
        "config": {"epochs": epochs},
        "model_generate_config": {"temperature": 0.8},
        "dataset": {"samples": 3},
    }
    return {"version": 2, "status": "success", "eval": run, "plan": {}, "results": {}, **more}


def inspect_eval(path, samples, *, method=zipfile.ZIP_ZSTANDARD, **header):
    with zipfile.ZipFile(path, "w", method) as archive:
        head = inspect_header(**header)
        archive.writestr(
            "_journal/start.json", json.dumps({k: head[k] for k in ("version", "eval")})
        )
        for sample in samples:
            name = f"samples/{sample['id']}_epoch_{sample['epoch']}.json"
            archive.writestr(name, json.dumps(sample))
        archive.writestr("header.json", json.dumps(head))
    return path


def inspect_json(path, samples, **header):
    path.write_text(json.dumps({**inspect_header(**header), "samples": list(samples)}, indent=2))
    return path


def lm_eval_row(doc, texts, *, gold="We add.\n#### 4", filter_="strict", **more):
    return {
        "doc_id": doc,
        "doc": {"question": f"What is {doc}?", "answer": gold},
        "target": gold,
        "arguments": {"gen_args_0": {"arg_0": f"Question: What is {doc}?\nAnswer:", "arg_1": {}}},
        "resps": [list(texts)],
        "filtered_resps": [texts[0]],
        "filter": filter_,
        "metrics": ["exact_match"],
        "doc_hash": f"h{doc}",
        "exact_match": 1.0,
        **more,
    }


def lm_eval_folder(folder, rows, *, task="gsm8k", model="org/model", temperature=0.8):
    """Write samples and the results beside them, as --log_samples does."""
    place = folder / model.replace("/", "__")
    place.mkdir(parents=True)
    date = "2026-11-28T10-00-00.123456"
    results = {
        "results": {task: {}},
        "configs": {task: {"generation_kwargs": {"do_sample": True, "temperature": temperature}}},
        "n-shot": {task: 0},
        "config": {"model": "local", "model_args": {"model": model}},
        "model_name": model,
    }
    (place / f"results_{date}.json").write_text(json.dumps(results, indent=2))
    return lines(place / f"samples_{task}_{date}.jsonl", rows)


def likelihood_row(doc, values, *, gold=1):
    choices = ["red", "green", "blue"]
    return {
        "doc_id": doc,
        "doc": {"question": f"Which colour is {doc}?", "choices": choices},
        "target": gold,
        "arguments": {
            f"gen_args_{n}": {"arg_0": "Q", "arg_1": f" {choice}"}
            for n, choice in enumerate(choices)
        },
        "resps": [[[str(value), "False"]] for value in values],
        "filtered_resps": [[str(value), "False"] for value in values],
        "filter": "none",
        "metrics": ["acc"],
        "acc": 1.0,
    }


def batch_row(id_, *texts, reason="stop", model="gpt", tokens=40, **message):
    choices = [
        {
            "index": n,
            "message": {"role": "assistant", "content": text, **message},
            "finish_reason": reason,
        }
        for n, text in enumerate(texts)
    ]
    body = {
        "id": f"chatcmpl-{id_}-{model}",
        "object": "chat.completion",
        "model": model,
        "choices": choices,
        "usage": {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": tokens + 9},
    }
    response = {"status_code": 200, "request_id": f"r-{id_}", "body": body}
    return {"id": f"batch_req_{id_}", "custom_id": id_, "response": response, "error": None}


def response_row(id_, text, *, status="completed", why=None, refusal=None):
    part = {"type": "output_text", "text": text}
    if refusal is not None:
        part = {"type": "refusal", "refusal": refusal}
    body = {
        "id": f"resp-{id_}",
        "object": "response",
        "model": "gpt",
        "status": status,
        "incomplete_details": None if why is None else {"reason": why},
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "99?"}]},
            {"type": "message", "role": "assistant", "content": [part]},
        ],
        "usage": {"input_tokens": 9, "output_tokens": 20},
    }
    response = {"status_code": 200, "request_id": f"r-{id_}", "body": body}
    return {"id": f"batch_req_{id_}", "custom_id": id_, "response": response, "error": None}


def failed_row(id_):
    error = {"code": "rate_limit_exceeded", "message": "Too many."}
    return {"id": f"b-{id_}", "custom_id": id_, "response": None, "error": error}


def batch_request(id_, asked, *, model="gpt"):
    body = {"model": model, "messages": [{"role": "user", "content": asked}], "temperature": 1}
    return {"custom_id": id_, "method": "POST", "url": "/v1/chat/completions", "body": body}


def promptfoo_row(number, question, text, *, member="plain", gold=None, success=True, cached=False):
    checks = [] if gold is None else [{"type": "equals", "value": gold}]
    return {
        "id": f"row-{number}",
        "promptIdx": 0,
        "testIdx": number,
        "promptId": "p0",
        "prompt": {"raw": f"What is {question}?", "label": "What is {{q}}?"},
        "provider": {"id": f"openai:chat:{member}", "label": member},
        "vars": {"q": question, "want": "4"},
        "testCase": {"vars": {"q": question, "want": "4"}, "assert": checks},
        "response": {
            "output": text,
            "cached": cached,
            "tokenUsage": {"total": 43, "prompt": 8, "completion": 35},
            "finishReason": "stop",
        },
        "gradingResult": {"pass": success, "componentResults": [{}] if success is not None else []},
        "success": bool(success),
        "cost": 0.001,
        "latencyMs": 200,
    }


def promptfoo_json(path, rows):
    results = {"version": 3, "timestamp": "", "prompts": [], "results": list(rows), "stats": {}}
    path.write_text(json.dumps({"evalId": "eval-1", "results": results, "config": {}}, indent=2))
    return path


def promptfoo_database(path, rows):
    """Write the table of results of promptfoo's database."""
    import sqlite3

    columns = (
        "id, eval_id, prompt_idx, test_idx, test_case, prompt, provider, latency_ms, cost, response, "
        "error, success, score, grading_result"
    )
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE evals (id TEXT PRIMARY KEY, results TEXT)")
    database.execute(f"CREATE TABLE eval_results ({columns})")
    for row in rows:
        values = (
            row["id"], "eval-1", 0, row["testIdx"], json.dumps(row["testCase"]),
            json.dumps(row["prompt"]), json.dumps(row["provider"]), row["latencyMs"], row["cost"],
            json.dumps(row["response"]), None, int(row["success"]), 1.0,
            json.dumps(row["gradingResult"]),
        )  # fmt: skip
        marks = ", ".join("?" * len(values))
        database.execute(f"INSERT INTO eval_results VALUES ({marks})", values)
    database.commit()
    database.close()
    return path
