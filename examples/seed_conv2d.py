"""A convolution layer of 32 kernels on a colour photograph: every shape on the way, and one output taken apart."""

from __future__ import annotations

from pathlib import Path

import skimage

from striate.conv import Conv2d, explain, read_image

KERNEL_SIZE = 5


def main() -> None:
    """Reads the photograph, convolves it, prints the shapes."""
    photograph = Path(skimage.__file__).parent / "data" / "astronaut.png"
    image = read_image(photograph)
    channels, height, width = image.shape
    print((height, width, channels))
    print(image.shape)

    batch = image[None]
    print("batch_size: {}, channels: {}, height: {}, width: {}".format(*batch.shape))

    layer = Conv2d(
        in_channels=3,
        out_channels=32,
        kernel_size=KERNEL_SIZE,
        stride=1,
        padding=(KERNEL_SIZE // 2, KERNEL_SIZE // 2),
        rng=0,
    )
    out = layer(batch)
    print("batch_size: {}, channels: {}, height: {}, width: {}".format(*out.shape))

    part = explain(batch, layer.weight, layer.bias, layer.stride, layer.padding, at=(0, 0, 0))
    print(f"\noutput (0, 0, 0) is {out[0, 0, 0, 0]:.6f}:")
    print(part)


if __name__ == "__main__":
    main()
