"""The learning phase of this thread. Layers ask for it and graphs feed it, so it lies below both."""

from .thread_state import thread_state

learning = thread_state(phase=None)     # 1 training, 0 not, None: nobody said
