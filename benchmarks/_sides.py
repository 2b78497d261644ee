"""A side of a benchmark in a process of its own, with its own threads: asleep but for the time of an answer."""

import multiprocessing


class Side:
    """The process that runs `serve(pipe, *arguments)`.

    It first sends what it is, then an answer for each question it receives, until that raises EOFError: the end of the
    run. An exception that it sends is raised here.
    """

    def __init__(self, serve, *arguments):
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=serve, args=(other, *arguments), daemon=True)
        self._process.start()
        other.close()
        self.about = self._answer()

    def ask(self, *question):
        self._pipe.send(question)
        return self._answer()

    def close(self):
        self._pipe.close()
        self._process.join()

    def _answer(self):
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer
