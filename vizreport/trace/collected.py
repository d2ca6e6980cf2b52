"""What the blocks of a trace tell, but for events and stacks, collected block by block."""

from __future__ import annotations

from dataclasses import dataclass, field

from vizreport.errors import TraceFormatError
from vizreport.model.trace import Image, Note, Session
from vizreport.trace import format as fmt
from vizreport.trace.blocks import Block, read_payload
from vizreport.trace.records import ImageRecords, decode_end, decode_notes, decode_session


@dataclass(slots=True)
class Collected:
    """What the blocks told so far.

    Attributes:
        session: Of the file header first.
        blocks: Those that are sound.
        images: By index.
        notes: Of the whole session.
        ended: The END block has come.
        images_missed: As END tells.
    """

    session: Session
    blocks: list[Block] = field(default_factory=list)
    images: dict[int, ImageRecords] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    ended: bool = False
    images_missed: int = 0

    def add(self, data: memoryview, block: Block) -> bool:
        """Takes one block, and tells whether it is sound; one that is damaged is counted with its image."""
        image = None
        if block.image != fmt.NO_IMAGE:
            image = self.images.setdefault(block.image, ImageRecords())
        try:
            self._take(image, block, read_payload(data, block))
        except TraceFormatError:
            if image is not None:
                image.damage(block)
            return False
        self.blocks.append(block)
        return True

    def _take(self, image: ImageRecords | None, block: Block, payload: memoryview) -> None:
        """Takes what one sound payload tells."""
        if block.type == fmt.BlockType.SESSION:
            self.session = decode_session(self.session, payload)
        elif block.type == fmt.BlockType.END:
            self.images_missed = decode_end(payload)
            self.ended = True
        elif block.type == fmt.BlockType.NOTES and image is None:
            self.notes.extend(decode_notes(payload, block.count))
        elif image is not None:
            image.take(block, payload)

    def build_images(self) -> tuple[Image, ...]:
        """Returns the images in order of their index, as far as they are known."""
        return tuple(self.images[index].build(index) for index in sorted(self.images))
