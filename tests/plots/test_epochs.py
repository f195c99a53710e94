from signbit.plots._epochs import line_style


def test_many_points_have_no_dots():
    assert (line_style(60), line_style(61)) == (".-", "-")
