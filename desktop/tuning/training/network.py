"""A model that is being tuned: its losses, its trainable weights by name, its answers."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, DynamicCache, PreTrainedModel
from transformers.utils import logging as words

from desktop.errors import UserError
from desktop.jobs.tuning_jobs import Recipe
from desktop.tuning.prompt_card import PromptCard
from desktop.tuning.training import lora
from desktop.tuning.training.collate import Batch, decoder_batch, prompts_batch, seq2seq_batch
from desktop.tuning.training.loss import answer_loss, answer_losses
from desktop.tuning.training.tokens import Pair

_SHARING = ("llama", "mistral", "qwen2")
"""Decoders without dropout of their own, whose attention takes cached keys and values as they are."""


class Network:
    """A decoder or an encoder-decoder with what of it is trained.

    Attributes:
        model: of transformers, with its adapters in it.
        trainable: parameters that are trained, by name.
        autocast: 16-bit type that all is computed in; None for 32 bits.
    """

    def __init__(
        self,
        model: PreTrainedModel | PeftModel,
        card: PromptCard,
        device: torch.device,
        autocast: torch.dtype | None = None,
        narrow: torch.dtype | None = None,
        shares: bool = False,
    ) -> None:
        """With ``narrow``, only products with frozen weights are computed in that type.

        With ``shares``, what all rows of a batch begin with is read once.
        """
        self.model = model
        self.device = device
        self.autocast = autocast
        self.trainable: dict[str, nn.Parameter] = {
            name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad
        }
        self._card = card
        self._whole: PreTrainedModel = model.get_base_model() if isinstance(model, PeftModel) else model
        self._inner = getattr(self._whole, self._whole.base_model_prefix, None)
        self._shares = shares
        self._watch: Callable[[], None] = lambda: None
        self._table: Tensor | None = None
        if narrow is not None:
            lora.narrow(self._whole, narrow)
            self._table = self._whole.get_output_embeddings().weight.detach().to(narrow)
        for module in self._whole.modules():
            if type(module).__name__ in (self._whole._no_split_modules or ()):
                module.register_forward_hook(self._between)

    @property
    def is_adapted(self) -> bool:
        """Whether adapters are trained, not the model itself."""
        return isinstance(self.model, PeftModel)

    @property
    def vocabulary(self) -> int:
        """Tokens that it knows."""
        return int(self._whole.get_output_embeddings().weight.shape[0])

    @contextlib.contextmanager
    def watched(self, watch: Callable[[], None]) -> Iterator[None]:
        """``watch`` is called between the layers, forwards and backwards, and may raise to end the computation."""
        self._watch = watch
        try:
            yield
        finally:
            self._watch = lambda: None

    def batch(self, pairs: Sequence[Pair]) -> Batch:
        """Rows as the network reads them, on its device."""
        card = self._card
        if card.start is not None:
            return seq2seq_batch(pairs, card.pad, card.start).to(self.device)
        return decoder_batch(pairs, card.pad, share=self._shares).to(self.device)

    def loss(self, batch: Batch, scale: float) -> Tensor:
        """Sum of the answer tokens' negative log-likelihoods times ``scale``, with the way back to the gradients."""
        with self._precision():
            return answer_loss(self._hidden(batch), self._projection, batch.labels, scale)

    @torch.no_grad()
    def losses(self, batch: Batch) -> Tensor:
        """Each answer token's negative log-likelihood, row after row."""
        with self._precision():
            return answer_losses(self._hidden(batch), self._projection, batch.labels)

    @torch.no_grad()
    def answers(self, prompts: Sequence[Sequence[int]], most: int) -> list[list[int]]:
        """Greedy answers' tokens, at most ``most`` each."""
        left = self._card.start is None
        ids, mask = prompts_batch(prompts, self._card.pad, left=left)
        with self._precision(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self._whole.generate(
                input_ids=ids.to(self.device),
                attention_mask=mask.to(self.device),
                max_new_tokens=most,
                do_sample=False,
                num_beams=1,
                eos_token_id=list(self._card.stop) or None,
                pad_token_id=self._card.pad,
                **self._plain_generation(),
            )
        return [list(row) for row in found[:, ids.shape[1] if left else 1 :].tolist()]

    @contextlib.contextmanager
    def as_base(self) -> Iterator[None]:
        """The base without its adapters, meanwhile."""
        with self.model.disable_adapter() if self.is_adapted else contextlib.nullcontext():
            yield

    def weights(self) -> dict[str, Tensor]:
        """What was trained, by the names it has in files: adapters, or all of the model once."""
        if self.is_adapted:
            return dict(get_peft_model_state_dict(self.model, adapter_name=lora.ADAPTER, save_embedding_layers=False))
        tied = set(self._whole.all_tied_weights_keys or ())
        state = self._whole.state_dict()
        kept: dict[int, str] = {}
        for name in sorted(state, key=lambda name: name in tied):
            kept.setdefault(state[name].data_ptr(), name)
        return {name: state[name] for name in state if name in set(kept.values())}

    def load(self, weights: Mapping[str, Tensor], source: Path) -> None:
        """Take over weights that ``weights`` gave.

        Raises:
            UserError: they are of another model; names ``source``.
        """
        try:
            if self.is_adapted:
                set_peft_model_state_dict(self.model, dict(weights), adapter_name=lora.ADAPTER)
                missing = self.weights().keys() ^ weights.keys()
            else:
                self._whole.load_state_dict(dict(weights), strict=False)
                missing = self.weights().keys() ^ weights.keys()
        except RuntimeError as error:
            raise UserError(f"The weights do not fit the base: {error}", path=source) from error
        if missing:
            raise UserError(f"The weights do not fit the base: {min(missing)} is in one of them only", path=source)

    @property
    def _projection(self) -> Tensor:
        weight: Tensor = self._whole.get_output_embeddings().weight
        return weight if self._table is None else self._table

    def _hidden(self, batch: Batch) -> Tensor:
        """States that predict the labels, [N, D]."""
        if batch.shared is not None:
            states = self._read_on(batch.shared, batch.ids)
        elif batch.answer_ids is None:
            states = self._inner(input_ids=batch.ids, use_cache=False)[0]  # type: ignore[misc]
        else:
            read = self._whole.encoder(input_ids=batch.ids, attention_mask=batch.mask)[0]
            states = self._whole.decoder(
                input_ids=batch.answer_ids, encoder_hidden_states=read, encoder_attention_mask=batch.mask, use_cache=False
            )[0]
            if self._whole.config.scale_decoder_outputs:
                states = states * (self._whole.config.d_model**-0.5)
        wanted: Tensor = states.reshape(-1, states.shape[-1]).index_select(0, batch.places)
        return wanted

    def _read_on(self, shared: Tensor, ids: Tensor) -> Tensor:
        """States of ``ids`` after a beginning that is the same for all rows: it is read once, and gradients flow through it."""
        cache = DynamicCache()
        self._inner(input_ids=shared, past_key_values=cache, use_cache=True)  # type: ignore[misc]
        for layer in cache.layers:
            layer.keys = layer.keys.expand(len(ids), -1, -1, -1)
            layer.values = layer.values.expand(len(ids), -1, -1, -1)
        states: Tensor = self._inner(input_ids=ids, past_key_values=cache, use_cache=True)[0]  # type: ignore[misc]
        return states

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        if self.autocast is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.autocast)

    def _plain_generation(self) -> dict[str, Any]:
        """Options that a base's own settings must not decide."""
        plain: dict[str, Any] = {"temperature": None, "top_p": None, "top_k": None}
        if self._card.start is not None:
            plain["decoder_start_token_id"] = self._card.start
        return plain

    def _between(self, _module: nn.Module, _inputs: Any, output: Any) -> None:
        self._watch()
        state = output[0] if isinstance(output, tuple) else output
        if isinstance(state, Tensor) and state.requires_grad:
            state.register_hook(lambda _grad: self._watch())  # type: ignore[no-untyped-call]


def open_network(
    folder: Path, recipe: Recipe, card: PromptCard, *, device: str, base: str, start_weights: Path | None = None
) -> Network:
    """Load a base with what will be trained of it.

    Args:
        folder: the base, in the hub's layout. recipe: settled; its seed makes the adapters.
        start_weights: folder with adapters or all weights to start from.

    Raises:
        UserError: the weights to start from do not fit.
    """
    words.set_verbosity_error()
    words.disable_progress_bar()
    place = torch.device(device)
    half = recipe.precision == "bf16"
    adapted = recipe.method == "lora"
    kind = AutoModelForCausalLM if card.start is None else AutoModelForSeq2SeqLM
    source = start_weights if start_weights is not None and not adapted else folder
    # Frozen weights need no more than what they are multiplied in.
    dtype = torch.bfloat16 if half and adapted and device == "cuda" else torch.float32
    model = kind.from_pretrained(str(source), dtype=dtype, local_files_only=True, use_safetensors=True, trust_remote_code=False)
    model.config.use_cache = False
    torch.manual_seed(recipe.seed)
    if adapted:
        family = "decoder" if card.start is None else "seq2seq"
        model = lora.with_adapters(model, recipe, family, base)
    model.to(place)
    if recipe.gradient_checkpointing:
        whole = model.get_base_model() if adapted else model
        # Renamed within transformers 5.
        enable = getattr(whole, "activation_checkpointing_enable", whole.gradient_checkpointing_enable)
        enable({"use_reentrant": False})
        if adapted:
            whole.enable_input_require_grads()
    # On a CPU, attention and whatever else is no large product is faster in 32 bits.
    narrow = half and adapted and device == "cpu"
    network = Network(
        model,
        card,
        place,
        autocast=torch.bfloat16 if half and not narrow else None,
        narrow=torch.bfloat16 if narrow else None,
        shares=_may_share(model.config, recipe),
    )
    if adapted and start_weights is not None:
        from desktop.tuning.training.tensors import read_tensors

        network.load(read_tensors(start_weights / lora.WEIGHTS), start_weights)
    return network


def _may_share(config: Any, recipe: Recipe) -> bool:
    """Whether reading a common beginning once gives what reading it with each row does."""
    windowed = getattr(config, "sliding_window", None) is not None and getattr(config, "use_sliding_window", True)
    return config.model_type in _SHARING and not windowed and not recipe.gradient_checkpointing and not recipe.lora_dropout
