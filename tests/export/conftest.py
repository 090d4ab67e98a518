import pytest
from export_testing import COLOUR_SPEC, GREY_SPEC, Exported, randomised_segmenter

from tfadvseg.export.saved_model import export_saved_model


@pytest.fixture(scope="session", params=[GREY_SPEC, COLOUR_SPEC], ids=["grey", "colour"])
def exported(request, tmp_path_factory) -> Exported:
    """Read-only: tests that damage an export copy it."""
    spec = request.param
    segmenter = randomised_segmenter(spec)
    folder = export_saved_model(segmenter, spec, tmp_path_factory.mktemp("export"))
    return Exported(spec, segmenter, folder)
