"""Programs: what one step launched, recorded once and replayed without layers, ops and tape.

| module   | what it does                                                    |
|----------|-----------------------------------------------------------------|
| record   | writes down what a step launches                                |
| plan     | where temporaries lie                                           |
| replay   | runs the launches on other data, from Python                    |
| native   | the same as one call of machine code, on the CPU                |
| programs | which of a model's steps has a program                          |
"""

from .programs import Programs
from .replay import Program

__all__ = ["Program", "Programs"]
