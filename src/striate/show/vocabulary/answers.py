"""The words of region, reach, effective, sweep, compare and size."""

from __future__ import annotations

ANSWERS: dict[str, tuple[str, str]] = {
    "unit_sees": (
        "{unit} sees {hull} pixels of {source}: {places}",
        "{unit} 看到 {source} 的 {hull} 个像素：{places}",
    ),
    "borderless": ("without the image's border: {places}", "不计图像边界：{places}"),
    "everything": ("everything", "全部"),
    "pixels_full": ("exactly {read} pixels, no holes", "恰好 {read} 个像素，没有空洞"),
    "pixels_holes": (
        "exactly {read} of {full} pixels, {holes} holes",
        "{full} 个像素中恰好 {read} 个，{holes} 个空洞",
    ),
    "units_full": ("exactly {read} units, no holes", "恰好 {read} 个单元，没有空洞"),
    "units_holes": (
        "exactly {read} of {full} units, {holes} holes",
        "{full} 个单元中恰好 {read} 个，{holes} 个空洞",
    ),
    "input_channels": ("input channels: {numbers}", "输入通道：{numbers}"),
    "channels": ("channels: {numbers}", "通道：{numbers}"),
    "first_to_last": ("{first} to {last}", "{first} 至 {last}"),
    "without_global": ("without the global paths through {names}", "不计经过 {names} 的全局路径"),
    "all_local": ("no operator is global: every path is local", "没有全局算子：所有路径都是局部的"),
    "paths_counted": (
        "paths: {total} in all, {most} from the pixel with the most",
        "路径：共 {total} 条，路径最多的像素有 {most} 条",
    ),
    "unit_around": (
        "{unit} sees {field} pixels of {source} around ({centre})",
        "{unit} 看到 {source} 的 {field} 个像素，中心在 ({centre})",
    ),
    "weight_within": (
        "{share} of the weight lies within {radius} pixels, {ratio} of half the field",
        "{share} 的权重在 {radius} 个像素以内，为感受野一半的 {ratio}",
    ),
    "pixel_changes": (
        "pixel {at} of {source} can change {box} units of {layer}: {places}",
        "{source} 的像素 {at} 能改变 {layer} 的 {box} 个单元：{places}",
    ),
    "tokens_without_place": ("and tokens without a place: {tokens}", "以及没有位置的词元：{tokens}"),
    "sweep_title": ("{layer} over input sizes", "{layer} 随输入大小的变化"),
    "nothing_shifts": ("Nothing shifts at: {sizes}", "无偏移的大小：{sizes}"),
    "none_of_these": ("none of these", "其中没有"),
    "misfits": ("Does not fit: {sizes}", "不适用：{sizes}"),
    "compare_title": ("{left} and {right}", "{left} 与 {right}"),
    "only_in": ("Only in {model}: {layers}", "仅在 {model} 中：{layers}"),
    "compared": (
        "{paired} layers paired, {differences} differences",
        "配对 {paired} 层，{differences} 处不同",
    ),
    "left": ("left", "左"),
    "right": ("right", "右"),
    "left is": ("left is", "左为"),
    "right is": ("right is", "右为"),
    "axis": ("axis", "轴"),
    "what": ("what", "项目"),
    "shift": ("shift", "偏移"),
    "phases": ("phases", "相位"),
    "pads_text": ("{before} before, {after} after", "前 {before}，后 {after}"),
    "in_all": ("{shown} ({count} in all)", "{shown}（共 {count} 个）"),
    "size_title": (
        "{n} pixels, kernel {kernel}, stride {stride}, dilation {dilation}",
        "{n} 个像素，卷积核 {kernel}，步长 {stride}，膨胀 {dilation}",
    ),
    "size_letters": (
        "Digits: how many windows read a pixel (+: ten or more) · x: a pixel never read · o: padding read · "
        ".: padding not read",
        "数字：读取该像素的窗口数（+：十个或更多）· x：未读取的像素 · o：读取的填充 · .：未读取的填充",
    ),
    "too_large_to_draw": (
        "Too large to draw: at most {most} places along an axis, padding included.",
        "太大，无法绘制：每轴至多 {most} 个位置（含填充）。",
    ),
    "whole_output": ("the whole output, {size}:", "全部输出，{size}："),
    "why_over": ("; {over} over", "；余 {over}"),
    "why_pads": (": {before} before, {after} after", "：前 {before}，后 {after}"),
    "why_padded": ("; pads ", "；填充 "),
    "why_reads": ("; reads {before} before, {after} after", "；读取前 {before}，后 {after}"),
    "why_less": (
        ", less the window that would start in the padding",
        "，减去会从填充中开始的窗口",
    ),
    "why_nothing": (
        ": the window is larger than the padded input, nothing comes out",
        "：窗口大于填充后的输入，没有输出",
    ),
    "token_placed": ("token {token}, at {place} on the grid of {sides}", "词元 {token}，位于 {sides} 网格的 {place}"),
    "token_alone": ("token {token}, without a place on the grid of {sides}", "词元 {token}，不在 {sides} 网格上"),
}
