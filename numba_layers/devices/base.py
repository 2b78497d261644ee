"""What all devices have in common."""

from ..errors import DeviceError


class Device:
    """Where arrays live and kernels run. Subclasses say `name`, `target` and `array`, the type of their arrays.

    kernels: those of the target that are loaded, by name; the registry loads the others when they are asked for.
    """

    name: str
    recording = False       # True of one that writes launches down (see `program.record`)

    def adopt(self, array):
        """An array in a GPU's memory as one of this device's. Raises: DeviceError, where this is not that GPU."""
        raise DeviceError(f"the {type(array).__name__} lies in a GPU's memory, the current device is {self.name}. "
                          "Choose the GPU with numba_layers.set_device('cuda'), or copy the array to the host first.")

    def settle(self):
        """Make the launches that wait: Python is about to write to arrays, or to look at them."""

    def synchronize(self):
        """Wait for kernels; here they are done when they return."""
