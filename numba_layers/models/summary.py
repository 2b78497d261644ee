"""A model as a table, in text and in a notebook."""

import html as _html

import numpy as np

from ..autograd.tensor import Variable
from ..naming import snake_case


def lines(model, line_length=None, positions=None):
    """The lines of Keras's summary: layers, output shapes, numbers of weights, and for graphs the connections."""
    rows, connected = _rows(model)
    line_length = line_length or (98 if connected else 65)
    positions = positions or ([0.33, 0.55, 0.67, 1.0] if connected else [0.45, 0.85, 1.0])
    ends = [int(line_length * end) if end <= 1 else int(end) for end in positions]
    yield f'Model: "{model.name}"'
    yield "_" * line_length
    yield _line(_titles(connected), ends)
    yield "=" * line_length
    for number, row in enumerate(rows):
        for part in _split(row):
            yield _line(part, ends)
        yield ("=" if number == len(rows) - 1 else "_") * line_length
    total, trainable = _counts(model)
    yield f"Total params: {total:,}"
    yield f"Trainable params: {trainable:,}"
    yield f"Non-trainable params: {total - trainable:,}"
    yield "_" * line_length


def html(model):
    """The same table for a notebook."""
    rows, connected = _rows(model)
    total, trainable = _counts(model)
    head = "".join(f"<th>{title}</th>" for title in _titles(connected))
    body = "".join("<tr>" + "".join(f"<td>{_html.escape(', '.join(cell) if isinstance(cell, list) else cell)}</td>"
                                    for cell in row) + "</tr>" for row in rows)
    return (f"<b>{snake_case(type(model).__name__)} {_html.escape(model.name)}</b>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"{total:,} weights, {trainable:,} of them trained")


def _titles(connected):
    titles = ["Layer (type)", "Output Shape", "Param #"]
    return [*titles, "Connected to"] if connected else titles


def _rows(model):
    """One row of text cells for each layer, and whether the model is more than a row of layers."""
    connected = not _is_stack(model)
    kept = {id(node) for node in getattr(model, "nodes", ())}
    rows = []
    for layer in model.layers:
        row = [f"{layer.name} ({type(layer).__name__})", _shape(layer), str(layer.count_params() if layer.built else 0)]
        if connected:
            row.append([f"{history[0].name}[{history[1]}][{history[2]}]"
                        for node in layer.inbound_nodes if id(node) in kept
                        for history in node.histories if history is not None and history[0] is not layer])
        rows.append(row)
    return rows, connected


def _is_stack(model):
    """True where no layer has several inputs or several uses."""
    if not hasattr(model, "nodes") or hasattr(model, "_stack"):
        return True
    layers = [node.layer for node in model.nodes]
    users = [history[:1] + history[1:] for node in model.nodes for history in node.histories
             if history is not None and history[0] is not node.layer]
    return (len(set(layers)) == len(layers) and len(model.inputs) == 1
            and all(len(node.inbound_layers) <= 1 for node in model.nodes)
            and len({(id(layer), *place) for layer, *place in users}) == len(users))


def _shape(layer):
    try:
        return str(layer.output_shape)
    except (AttributeError, ValueError):
        return "multiple"


def _counts(model):
    weights = {id(weight): weight for weight in model.weights}.values()
    trainable = {id(weight) for weight in getattr(model, "_trained_weights", None) or model.trainable_weights}
    sizes = np.array([[weight.size, weight.size * (id(weight) in trainable)] for weight in weights
                      if isinstance(weight, Variable)], dtype=np.int64).reshape(-1, 2)
    return tuple(int(size) for size in sizes.sum(axis=0))


def _split(row):
    """A row as the lines it takes: one more for each further connection."""
    connections = row[3] if len(row) > 3 else None
    if connections is None:
        return [row]
    first, *others = connections or [""]
    return [[*row[:3], first], *(["", "", "", other] for other in others)]


def _line(cells, ends):
    text = ""
    for number, (cell, end) in enumerate(zip(cells, ends)):
        text = (text[:-1] + " " if number else "") + str(cell)
        text = text[:end].ljust(end)
    return text
