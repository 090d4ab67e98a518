from tfadvseg.reporting.canvas import network_titles


def test_segmenters_are_named_by_their_methods():
    methods = {"segmenter": "adaptation", "standard": "source_only", "adabn": "adabn"}
    assert network_titles(["segmenter"], methods) == {"segmenter": "S"}
    assert network_titles(methods, methods) == methods
    # Two of one method keep apart, and a history from elsewhere has names only.
    twice = {"segmenter": "adabn", "standard": "source_only", "source_only": "source_only"}
    assert network_titles(twice, twice) == {
        "segmenter": "adabn",
        "standard": "standard",
        "source_only": "source_only",
    }
    names = ["segmenter", "standard"]
    assert network_titles(names, {}) == dict(zip(names, names, strict=True))
