"""The values of a network as streams, and the stages that compute them."""

from dataclasses import dataclass, field
from functools import cached_property

from signbit.export.verilog.ports import InputPort, OutputPort
from signbit.export.verilog.stage import Stage
from signbit.format import PackedModel


@dataclass(frozen=True)
class Stream:
    """The stage or the input that a value comes from, and the meaning of its beats.

    A beat is a position of bits or codes. Where `sums` is a node, it is a group of sums. Where
    there are affine nodes, it is one score.

    stage: None for an input.
    sums: the convolution whose sums these are, or the scores come from; None for bits and codes.
    affines: the affine nodes since the sums.
    fraction: number of bits of a score after the point.
    is_softmax: whether the value is the softmax of the scores, or its logarithm.
    """

    name: str
    stage: Stage | None = None
    sums: int | None = None
    affines: tuple[int, ...] = ()
    fraction: int = 0
    is_softmax: bool = False

    @property
    def giver(self) -> Stage:
        """The stage of sums or scores, which no input has."""
        if self.stage is None:
            raise ValueError(f"{self.name} is an input")
        return self.stage

    @property
    def node(self) -> int:
        """The convolution of sums or scores."""
        if self.sums is None:
            raise ValueError(f"{self.name} has no sums")
        return self.sums


@dataclass
class StreamPlan:
    """The stages of a network, its inputs and outputs.

    streams: of each value, by its number.
    checked: node and name of each stage that gives the bits of a node.
    """

    model: PackedModel
    parallel: int
    inputs: list[InputPort]
    stages: list[Stage] = field(default_factory=list)
    outputs: list[OutputPort] = field(default_factory=list)
    streams: dict[int, Stream] = field(default_factory=dict)
    checked: list[tuple[int, str]] = field(default_factory=list)

    @property
    def is_image(self) -> bool:
        """Whether its ports have the short names that networks of images have."""
        return self.inputs[0].has_short_name

    @property
    def is_chain(self) -> bool:
        """Whether each stage reads from the one before it. Then the cycles are known."""
        joins = any(stage.second is not None for stage in self.stages)
        return len(self.inputs) == len(self.outputs) == 1 and not joins

    @cached_property
    def readers(self) -> dict[str, list[str]]:
        """For each stage and input stream, the names of its readers, in a fixed order."""
        found = {one.stream: list[str]() for one in self.inputs}
        found |= {stage.name: list[str]() for stage in self.stages}
        for stage in self.stages:
            found[stage.source].append(f"{stage.name}.s")
            if stage.second is not None:
                found[stage.second].append(f"{stage.name}.t")
        for output in self.outputs:
            found[output.reads].append(output.stream)
        return found

    def add(self, number: int, *stages: Stage) -> None:
        """Append the stages of a node. Its value comes from the last of them."""
        self.stages += stages
        self.streams[number] = Stream(stages[-1].name, stages[-1])
