"""``bestofinf ask``: one question to your own models, with the vote shown live."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bestofinf.cli.live import VoteView, votes_table
from bestofinf.cli.models import FORMS, ask_models, ensemble_of, is_config, one_config, plan_of
from bestofinf.cli.options import (
    AsJson,
    BaseUrl,
    EnsembleFile,
    EnsembleName,
    Temperature,
    WeightsFile,
)
from bestofinf.cli.terminal import Console, echo_json


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    file: EnsembleFile = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar=FORMS,
            help="A member; repeat it for an ensemble. tiny:sum, tiny:mul, tiny:clock and "
            "tiny:hasty come with the package and need no key. Or the file of an ensemble.",
        ),
    ] = None,
    ensemble: EnsembleName = None,
    rule: Annotated[
        str | None, typer.Option(help="When to stop: a preset or a rule; balanced by default.")
    ] = None,
    answer: Annotated[
        str | None, typer.Option(help="Answer type: how replies become votes; auto by default.")
    ] = None,
    weights: WeightsFile = None,
    max_samples: Annotated[
        int | None, typer.Option(help="Maximum number of samples; 64 by default.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(help="Maximum number of requests at a time; 8 by default.")
    ] = None,
    temperature: Temperature = None,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Let your own models vote on one question, and watch the vote.

    Example: `bestofinf ask "What is 17 * 23?" -m openai:gpt-5-mini -m anthropic:claude-haiku-4-5`,
    or `bestofinf ask "What is 17 * 23?" ensemble.toml`
    """
    question, file = (file, question) if file and is_config(question) else (question, file)
    models = [*(model or ()), *([] if file is None else [file])]
    others = {"--weights": weights, "--temperature": temperature, "--base-url": base_url}
    settings: dict[str, Any] = {
        "rule": rule,
        "answer": answer,
        "max_samples": max_samples,
        "concurrency": concurrency,
    }
    config = one_config(models, others)
    view = VoteView(Console(stderr=True), question)
    if config is not None:
        loaded = ensemble_of(config, ensemble, **settings)
        with view:
            result = loaded.ask(question, progress=view.update)
    else:
        plan = plan_of(
            models, weights=weights, temperature=temperature, base_url=base_url, **settings
        )
        with view:
            result = ask_models(plan, question, show=view.update)
    trace, text = result.told, result.reply.text
    if as_json:
        echo_json({"reply": text} | trace)
        return
    out = Console()
    out.print(text, markup=False, highlight=False, soft_wrap=not out.is_terminal)
    if trace["votes"]:
        out.print()
        out.print(votes_table(trace["votes"], str(trace["answer"])))
    tokens = sum(usage["output_tokens"] for usage in trace["usage_by_member"].values())
    out.print(
        f"\n{trace['n_samples']} samples, {tokens:,} tokens, "
        f"confidence {trace['confidence']:.3f}; {trace['reason']}",
        style="dim",
        markup=False,
    )
