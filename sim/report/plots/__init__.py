"""The figures: the only package that imports matplotlib, inside functions, when one is drawn.

Every figure is a `matplotlib.figure.Figure` of its own, never pyplot's. The look does not depend
on anybody's matplotlibrc, and no text is ever read as mathematics.
A new plot is a file that draws it, a function in `views` that says the same as a table, and a line
in `pictures` that says when there is one.
"""
