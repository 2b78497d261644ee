"""Programs: what one step launched, recorded once and replayed without layers, ops and tape.

| module   | what it does                                                    |
|----------|-----------------------------------------------------------------|
| record   | writes down what a step launches                                |
| waiting  | has launches wait until the kernels they lack are compiled      |
| others   | tells whether a step may come to code of others                 |
| plan     | where temporaries lie                                           |
| replay   | a program: the launches, to be run on other data                |
| run      | runs them one by one, from Python                               |
| native   | as one call of machine code, on the CPU                         |
| graph    | as a CUDA graph, on a GPU                                       |
| programs | which of a model's steps has a program                          |
"""

from .programs import Programs
from .replay import Program

__all__ = ["Program", "Programs"]
