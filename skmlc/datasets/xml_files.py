"""Reading XML files, element by element, without document types and entities."""

from xml.parsers import expat

from ..compressed import open_data
from ..exceptions import FileFormatError


def parse_xml(path, on_start, on_end, on_text=None):
    """Read an XML file, and call functions for its elements.

    Nothing is kept of the file, so that neither its depth nor its length matters. Entities
    of its own, which may grow without bounds or fetch other files, are refused.

    Parameters
    ----------
    path : str or path-like
        The file.
    on_start : callable
        Called with the name of an element that begins, without prefix, its attributes, a
        dict, and the number of the line.
    on_end : callable
        Called with the name of an element that ends.
    on_text : callable, default=None
        Called with pieces of the text between them.

    Raises
    ------
    FileFormatError
        If it is no XML, or has a document type.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_):
        raise FileFormatError(
            path, "must have no document type.", f"line {parser.CurrentLineNumber}"
        )

    parser.StartDoctypeDeclHandler = refuse

    def start(name, attributes):
        nonlocal has_begun
        has_begun = True
        on_start(name.rpartition(":")[2], attributes, parser.CurrentLineNumber)

    has_begun = False
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: on_end(name.rpartition(":")[2])
    parser.CharacterDataHandler = on_text
    with open_data(path) as file:
        try:
            parser.ParseFile(file)
        except expat.ExpatError as error:
            problem = f"must be XML; {expat.ErrorString(error.code)}."
            raise FileFormatError(path, problem, f"line {error.lineno}") from error
        except FileFormatError:
            raise
        except (ValueError, LookupError) as error:
            if has_begun:
                raise
            # The encoding that it names is unknown.
            raise FileFormatError(path, f"must be XML; {error}.", "line 1") from error
