"""The words in drawings: heat maps, maps, windows, animations."""

from __future__ import annotations

# A picture over pixels has no Chinese letters: there numbers speak alone, and the page says beneath what they are.
DRAWINGS: dict[str, tuple[str, str]] = {
    "pixels_of": ("{size} pixels", "{size}"),
    "inside_of": ("{size}, {inside} inside", "{size} ({inside})"),
    "local_of": ("local {size}", "{size}"),
    "read_of": ("{read} of {size}", "{size} 中的 {read}"),
    "paths_drawn": ("paths from each pixel, logarithmic", "各像素的路径数（对数）"),
    "paths_most": ("{most} paths", "{most} 条路径"),
    "share_within": ("{share} within {radius}", "{share} 在 {radius} 以内"),
    "radii_of": ("{radii} px of {half}", "{radii}，共 {half} 像素"),
    "of_the_whole": ("{share} of the whole", "总量的 {share}"),
    "rows_columns": ("rows {rows}, columns {columns}", "行 {rows}，列 {columns}"),
    "outside_on_to": (
        "outside the picture: on to rows {rows}, columns {columns}",
        "图像之外：直至行 {rows}，列 {columns}",
    ),
    "output_sized": ("output {size}", "输出 {size}"),
    "input_sized": ("input {size}", "输入 {size}"),
    "rows": ("rows", "行"),
    "columns": ("columns", "列"),
    "unread": ("never read: {pixels}", "未读取：{pixels}"),
    "all_read": ("every pixel is read", "所有像素都被读取"),
    "window_told": (
        "kernel {kernel}, stride {stride}, dilation {dilation}, padding {padding}",
        "卷积核 {kernel}，步长 {stride}，膨胀 {dilation}，填充 {padding}",
    ),
    "place_reads": ("{place} reads rows {rows}, columns {columns}", "{place} 读取行 {rows}，列 {columns}"),
    "place_adds": ("{place} adds to rows {rows}, columns {columns}", "{place} 加到行 {rows}，列 {columns}"),
}
