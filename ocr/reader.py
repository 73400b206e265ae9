"""The reader: a picture in, plate reads out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ocr import stacked
from ocr.cut_plates import is_at_edge, is_inside, without_unseen
from ocr.detector import Detection, PlateDetector
from ocr.interpreting import build_read, is_two_line, style_probability, two_line_style
from ocr.merging import READABLE, SAME_PLATE_IOU, merged, without_ghosts, without_parts
from ocr.models_folder import ModelFiles
from ocr.reader_settings import ReaderSettings
from ocr.recognizer import CPU_PROVIDERS, PlateRecognizer
from ocr.rectify import inner_corners, rectify, rolled, sharpness, tall_cut
from ocr.red_letters import MILITARY, begins_red, doubted
from ocr.search import Moved, Window, closer, from_farther, near, whole
from ocr.second_look import TIGHTER, WIDER, averaged
from ocr.two_line import stitch_two_lines
from ocr.types import BgrImage, BoundingBox, PictureReads, PlateDistribution, PlateRead

NOT_PLATE = "not_plate"
SMALL_PX, MOST_UNSURE = 40.0, 4
"""Of what the network sees: a narrower plate is found with too loose corners to be read (the fixture clips' of 50 to 75
pixels of 1920 as 85 to 100); so many of them on a frame are looked at closely, the most plate-like first."""
NEAR_SEES_BELOW = 0.2
"""A plate of less of a large photo's width is seen from near better than from farther back."""
LEAST_OF_CROP, LEAST_SCORE_IN_CROP = 0.6, 0.1
"""A crop is one plate: what is found in it and is narrower is a part of it, and what is doubtful is the plate still."""
SURER = 1.5
"""How much surer the read of a crop taken for rolled must be: of four turns of an unreadable one, one always is the
surest. A level plate that is turned may be read surely and wrong (its A as a 4), so a readable one never is."""


class PlateReader:
    """Detector, rectification and recogniser in a row. Keeps nothing of a picture: several threads may read at once."""

    def __init__(
        self, detector: PlateDetector, recognizer: PlateRecognizer, settings: ReaderSettings | None = None
    ) -> None:
        self.settings = settings or ReaderSettings()
        self._detector = detector
        self._recognizer = recognizer

    @classmethod
    def from_models(
        cls,
        models: ModelFiles,
        settings: ReaderSettings | None = None,
        providers: Sequence[str] = CPU_PROVIDERS,
        hub_model: str | None = None,
    ) -> "PlateReader":
        """Load the models; `hub_model` names a recogniser of the fast-plate-ocr hub in place of ours.

        Raises OcrError.
        """
        recognizer = (
            PlateRecognizer.from_hub(hub_model, providers)
            if hub_model
            else PlateRecognizer.from_files(models.recognizer, models.recognizer_config, providers)
        )
        return cls(PlateDetector(models.detector, providers), recognizer, settings)

    def read(self, image: BgrImage, moved: Moved = None, *, follows: bool = False) -> list[PlateRead]:
        """Return the plates of a picture, best detection first; `moved` is that of `look`, or plates to be followed."""
        return self._followed(image, moved or ()) if follows else list(self.look(image, moved).plates)

    def look(self, image: BgrImage, moved: Moved = None) -> PictureReads:
        """Return what can be read on a picture; far plates are looked for where something `moved`."""
        settings, size = self.settings, image.shape[:2]
        if moved is None and settings.second_long_side_px and max(size) > settings.second_above_px:
            return self._look_at_large_photo(image)
        least = settings.faint_score if moved is not None else settings.photo_faint_score
        reads, is_complete = self._read_in(image, whole(size, settings.detector_long_side_px), least)
        for window in self._closer_windows(size, moved, reads):
            further, is_all = self._read_in(image, window, least, reads)
            reads, is_complete = self._merge(reads, further), is_complete and is_all
        if self._may_be_filled(reads, size, moved):
            reads = self._from_farther(image, reads, settings.fills_above)
        return PictureReads(tuple(without_ghosts(reads)), is_complete)

    def _look_at_large_photo(self, image: BgrImage) -> PictureReads:
        """Look from near, where nothing is read for sure there at half of that too, and from farther back."""
        settings, size, faint = self.settings, image.shape[:2], self.settings.photo_faint_score
        near_window = whole(size, min(settings.second_long_side_px, max(size)))
        seen, is_complete = self._read_in(image, near_window, faint, always=settings.large_photo_score)
        reads = [
            read
            for read in seen
            if read.confidence >= settings.second_min_confidence or read.detection_score >= settings.sure_score
        ]
        if not self._sure(seen):
            further, is_all = self._read_in(image, whole(size, settings.detector_long_side_px), faint, reads)
            reads, is_complete = self._merge(reads, further), is_complete and is_all
        reads = self._from_farther(image, reads, NEAR_SEES_BELOW)
        return PictureReads(tuple(without_ghosts(reads)), is_complete)

    def _from_farther(self, image: BgrImage, reads: list[PlateRead], above: float) -> list[PlateRead]:
        """Add what is read from farther back and is wider than this share of the picture."""
        further, _ = self._read_in(image, from_farther(image.shape[:2]), self.settings.faint_score)
        fills_px, above_px = (share * image.shape[1] for share in (self.settings.fills_above, above))
        kept = without_parts(reads, [one for one in further if one.box.width > fills_px])
        return self._merge(kept, [one for one in further if one.box.width > above_px])

    def _followed(self, image: BgrImage, plates: Sequence[BoundingBox]) -> list[PlateRead]:
        reads: list[PlateRead] = []
        for window in near(image.shape[:2], plates, self.settings.detector_long_side_px):
            seen = self._detector.detect_in(image, window, self.settings.faint_score)
            reads += self._read_at(
                image, [one for one in seen if all(one.box.iou(r.box) <= SAME_PLATE_IOU for r in reads)]
            )
        return without_ghosts(reads)

    def _closer_windows(self, size: tuple[int, int], moved: Moved, reads: Sequence[PlateRead]) -> list[Window]:
        settings, long_side = self.settings, max(size)
        if moved is None or not settings.second_long_side_px or long_side <= settings.second_above_px:
            return []
        sure = [read.box for read in reads if read.confidence >= settings.sure_confidence]
        unsure = [read.box for read in reads if read.confidence < settings.sure_confidence]
        small = [box for box in unsure if box.width * settings.detector_long_side_px < SMALL_PX * long_side]
        return closer(size, moved, sure, small[:MOST_UNSURE])

    def _may_be_filled(self, reads: list[PlateRead], size: tuple[int, int], moved: Moved) -> bool:
        """Return whether a plate may fill the picture: a large one is seen, or nothing for sure on what is no frame."""
        if any(read.box.width > self.settings.fills_above * size[1] for read in reads):
            return True
        return moved is None and all(read.confidence < self.settings.sure_confidence for read in reads)

    def _merge(self, reads: Sequence[PlateRead], further: Sequence[PlateRead]) -> list[PlateRead]:
        return merged(reads, further, self.settings.second_min_confidence)

    def read_crop(self, crop: BgrImage) -> PlateRead | None:
        """Return the plate that fills `crop`, or None when it does not look like a plate at all."""
        height, width = crop.shape[:2]
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        distribution = self._recognizer.recognize([crop])[0]
        if is_two_line(distribution):
            distribution = self._recognize_two_lines(crop, distribution)
        detection, crop_sharpness = Detection(corners, 1.0), sharpness(crop)
        read = build_read(detection, distribution, crop_sharpness, (height, width))
        if read is None or self._is_no_plate(distribution):
            return None
        inner = replace(detection, corners=inner_corners(width, height))
        again = self._look_again(read, crop, inner)
        if again.confidence < self.settings.sure_confidence:
            again = self._straightened(crop, again)
        return self._plausible(again, crop, inner)

    def _straightened(self, crop: BgrImage, read: PlateRead) -> PlateRead:
        """Return the read of a crop with its plate turned upright where that one is surer, else `read` itself."""
        size = crop.shape[:2]
        seen = self._detector.detect_in(crop, from_farther(size), LEAST_SCORE_IN_CROP)[:1]
        if any(one.box.width < LEAST_OF_CROP * size[1] for one in seen):
            return read
        if (upright := self._surest(crop, seen)) and upright.confidence > read.confidence:
            read = upright
        if read.confidence >= READABLE:
            return read
        upright = self._surest(crop, [Detection(corners, 1.0) for corners in rolled(size[1], size[0])])
        return upright if upright and upright.confidence > SURER * read.confidence else read

    def _surest(self, crop: BgrImage, places: Sequence[Detection]) -> PlateRead | None:
        """Return the surest read of a crop's one plate, which may lie at any of `places`."""
        uprights = [rectify(crop, place.corners) for place in places]
        reads = []
        for place, upright, distribution in zip(places, uprights, self._recognizer.recognize(uprights), strict=True):
            if is_two_line(distribution):
                distribution = self._recognize_two_lines(tall_cut(crop, place.corners), distribution)
            read = build_read(place, distribution, sharpness(upright), crop.shape[:2])
            if read is not None and not self._is_no_plate(distribution):
                reads.append((read, place))
        if not reads:
            return None
        read, place = max(reads, key=lambda one: one[0].confidence)
        return self._look_again(read, crop, place)

    def _read_in(
        self,
        image: BgrImage,
        window: Window,
        least: float,
        known: Sequence[PlateRead] = (),
        always: float | None = None,
    ) -> tuple[list[PlateRead], bool]:
        """Return the reads of a window, and whether all was looked at; what is `known` surely is not read again.

        `least`: the score of the faintest detections that are looked at where nothing is read for sure; `always`: of
        those that are looked at in any case, in place of the setting.
        """
        size, faint_score = image.shape[:2], self.settings.faint_score if always is None else always
        seen = self._detector.detect_in(image, window, min(least, faint_score))
        sure = self._sure(known)
        news = [one for one in seen if all(one.box.within(size).iou(box) <= SAME_PLATE_IOU for box in sure)]
        detections, left = news[: self.settings.most_plates], news[self.settings.most_plates :]
        reads = self._read_at(image, [one for one in detections if one.score >= faint_score])
        if not sure and not self._sure(reads):
            reads += self._read_at(image, [one for one in detections if one.score < faint_score])
        sure = [*sure, *self._sure(reads)]
        unsure = [one for one in detections if all(one.box.within(size).iou(box) <= SAME_PLATE_IOU for box in sure)]
        return reads + self._read_beside(image, unsure, sure), all(one.score < faint_score for one in left)

    def _sure(self, reads: Sequence[PlateRead]) -> list[BoundingBox]:
        return [read.box for read in reads if read.confidence >= self.settings.sure_confidence]

    def _read_at(self, image: BgrImage, detections: Sequence[Detection]) -> list[PlateRead]:
        size = image.shape[:2]
        crops = [rectify(image, detection.corners) for detection in detections]
        reads = []
        for detection, crop, distribution in zip(detections, crops, self._recognizer.recognize(crops), strict=True):
            if self._is_no_plate(distribution):
                continue
            if is_two_line(distribution):
                distribution = self._recognize_two_lines(tall_cut(image, detection.corners), distribution)
            seen_of_it = without_unseen(distribution, detection.corners, size, is_two_line(distribution))
            read = build_read(detection, seen_of_it, sharpness(crop), size)
            if read is None or not self._is_wanted(read):
                continue
            read = self._plausible(self._look_again(read, image, detection), image, detection)
            if self._is_wanted(read):
                reads.append(read)
        return reads

    def _read_beside(
        self, image: BgrImage, unsure: Sequence[Detection], taken: Sequence[BoundingBox]
    ) -> list[PlateRead]:
        """Return the plates above and below what was not read surely."""
        size = image.shape[:2]
        likely = [one for one in unsure if one.score >= stacked.LEAST_SCORE][: stacked.MOST]
        beside = [Detection(corners, one.score) for one in likely for corners in stacked.neighbours(one.corners)]
        free = [
            one
            for one in beside
            if is_inside(one.corners, size) and all(one.box.iou(box) <= SAME_PLATE_IOU for box in taken)
        ]
        return [read for read in self._read_at(image, free) if read.confidence >= stacked.LEAST_CONFIDENCE]

    def _look_again(self, read: PlateRead, image: BgrImage, detection: Detection) -> PlateRead:
        """Return the read of all looks where the first one was unsure, else `read` itself."""
        size, corners = image.shape[:2], detection.corners
        if read.confidence >= self.settings.look_again_below or is_at_edge(corners, size):
            return read
        first = read.distribution
        if is_two_line(first):
            looks = [self._recognize_two_lines(tall_cut(image, corners, margin), first) for margin in (WIDER, TIGHTER)]
        else:
            looks = self._recognizer.recognize([rectify(image, corners, margin=margin) for margin in (WIDER, TIGHTER)])
        return build_read(detection, averaged([first, *looks]), read.sharpness, size) or read

    def _plausible(self, read: PlateRead, image: BgrImage, detection: Detection) -> PlateRead:
        """Return a doubtful read where a plate is read as a military one and begins in no red letter."""
        if read.plate_class != MILITARY:
            return read
        has_two_lines = is_two_line(read.distribution)
        crop = tall_cut(image, detection.corners) if has_two_lines else rectify(image, detection.corners)
        if begins_red(crop, has_two_lines):
            return read
        return build_read(detection, doubted(read.distribution), read.sharpness, image.shape[:2]) or read

    def _recognize_two_lines(self, crop: BgrImage, whole: PlateDistribution) -> PlateDistribution:
        """Read the stitched lines; the style stays that of the whole plate, where the layout can be seen."""
        stitched = self._recognizer.recognize([stitch_two_lines(crop, two_line_style(whole))])[0]
        return replace(stitched, style_probs=whole.style_probs)

    def _is_no_plate(self, distribution: PlateDistribution) -> bool:
        return style_probability(distribution, NOT_PLATE) > self.settings.max_not_plate

    def _is_wanted(self, read: PlateRead) -> bool:
        settings = self.settings
        if read.detection_score < settings.min_score:
            return read.confidence >= settings.second_min_confidence
        return read.confidence >= settings.min_confidence or read.detection_score >= settings.sure_score
