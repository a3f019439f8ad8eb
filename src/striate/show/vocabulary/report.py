"""The words of tables, summaries and the report."""

from __future__ import annotations

REPORT: dict[str, tuple[str, str]] = {
    "title": ("Receptive fields", "感受野"),
    "input": ("Input", "输入"),
    "parameters": ("Parameters", "参数量"),
    "params": ("params", "参数"),
    "macs": ("Multiply-accumulates", "乘加次数"),
    "peak": ("Peak activations", "激活内存峰值"),
    "deepest": ("Deepest field", "最深层感受野"),
    "picture": ("What one unit sees", "一个单元看到什么"),
    "picture_note": (
        "Left: each box holds one unit's field. Right: the exact pixels it reads at full brightness; what it does not "
        "read is dimmed, holes included; hatching is padding outside the picture, a dashed box the field without the "
        "picture's border. A unit behind a global operator is shown by its local field.",
        "左图：每个方框是一个单元的感受野。右图：该单元确实读取的像素保持原亮度，未读取的像素变暗（包括空洞）；"
        "斜线区域是图像之外的填充，虚线框是不计图像边界的感受野，括号中是图像之内的大小。"
        "位于全局算子之后的单元画出其局部感受野。",
    ),
    "layers": ("Layers", "各层"),
    "sort_note": ("Select a heading to sort.", "点击表头可排序。"),
    "notes": ("Notes", "说明"),
    "layer": ("layer", "层"),
    "op": ("op", "算子"),
    "shape": ("shape", "输出形状"),
    "size": ("size", "大小"),
    "stride": ("stride", "步长"),
    "start": ("start", "起点"),
    "status": ("status", "状态"),
    "MACs": ("MACs", "乘加"),
    "physical": ("physical", "物理尺寸"),
    "convention": ("convention", "约定"),
    "output": ("output", "输出"),
    "pads": ("pads", "填充"),
    "windows": ("windows", "窗口"),
    "never read": ("never read", "未读取"),
    "why": ("why", "原因"),
    "input_size": ("input", "输入"),
    "left_out": ("{names} left out", "未显示 {names}"),
    "counts_rounded": ("counts rounded", "计数已取整"),
    "names_shortened": ("names shortened", "名称已缩短"),
    "joined": (", ", "，"),
    "no_room": (
        "No room: {what}. In full: a wider terminal, | less -S{elsewhere}.",
        "宽度不足：{what}。完整内容：加宽终端、| less -S{elsewhere}。",
    ),
    "totals_note": (
        "Parameters {params} · MACs {macs} · peak activations {peak} at {at}.",
        "参数 {params} · 乘加 {macs} · 激活内存峰值 {peak}，出现在 {at}。",
    ),
    "macs_note": (
        "MACs are multiply-accumulates of convolutions and matrix products; bias, pooling, normalisation and "
        "activations are left out.",
        "乘加次数只计卷积和矩阵乘法，不计偏置、池化、归一化和激活。",
    ),
    "rule_note": (
        "Unit u of an axis sees pixels u*stride + start up to, not including, u*stride + start + size, as if the "
        "input had no border.",
        "某轴上的单元 u 看到像素区间 [u*步长 + 起点, u*步长 + 起点 + 大小)，不考虑图像边界。",
    ),
    "rule_where_note": (
        "Where a row has one start, unit u of an axis sees pixels u*stride + start up to, not including, "
        "u*stride + start + size, as if the input had no border.",
        "只有一个起点的行：某轴上的单元 u 看到像素区间 [u*步长 + 起点, u*步长 + 起点 + 大小)，不考虑图像边界。",
    ),
    "phases_note": (
        "Where units differ by phase, a row has the least and the largest size and start, as in -41..-37; of n phases "
        "unit u sees phase u mod n, moved by (u div n)*n*stride pixels.",
        "单元随相位不同的行：列出最小和最大的大小与起点，如 -41..-37；共 n 个相位时，单元 u 看到第 u mod n 个相位，"
        "平移 (u div n)*n*步长 个像素。",
    ),
    "phases_of": (
        "Phases of {layers} ({axes}), {count} units every {step} pixels: {phases}.",
        "{layers} 的相位（{axes}），每 {count} 个单元平移 {step} 个像素：{phases}。",
    ),
    "all_see_note": (
        "Where the stride is -, every unit sees start up to, not including, start + size.",
        "步长为 - 的行：每个单元都看到 [起点, 起点 + 大小)。",
    ),
    "irregular_note": (
        "Irregular: units follow no common rule; the size is the largest unit's.",
        "不规则：各单元没有统一规律，大小为最大单元的大小。",
    ),
    "and_more": ("and {count} more", "及另外 {count} 个"),
    "at_most_note": (
        "At most: these operators may read less than is claimed: {names}.",
        "上界：以下算子实际读取的可能少于所列：{names}。",
    ),
    "other_inputs": ("other inputs: {names}", "其他输入：{names}"),
    "stage": ("stage of {count} nodes", "{count} 个节点"),
    "height": ("height", "高"),
    "width": ("width", "宽"),
    "depth": ("depth", "深"),
    "length": ("length", "长"),
    "time": ("time", "时间"),
    "global_note": ("These operators see everything: {names}.", "以下算子看到整幅输入：{names}。"),
    "misaligned_note": (
        "Misaligned at {node} ({axis}): the branches' centres stand at {branches}.",
        "{node} 处各分支的感受野中心不一致（{axis}）：{branches}。",
    ),
    "other_stride": ("another stride", "步长不同"),
    "field": ("field", "感受野"),
    "centre": ("centre", "中心"),
    "padding": ("padding", "填充"),
    "halo": ("halo", "边缘"),
    "network_note": (
        "{count} layers: {operators}. Parameters {params} · MACs {macs} · peak activations {peak}.",
        "{count} 层：{operators}。参数 {params} · 乘加 {macs} · 激活内存峰值 {peak}。",
    ),
    "kinds_left": ("{count} other kinds", "其余 {count} 种"),
    "way_changes": ("Where the field grows, to {output}", "感受野的增长，直至 {output}"),
    "way_strides": (
        "Where the field grows, to {output}: the last layer at each stride",
        "感受野的增长，直至 {output}：各步长的最后一层",
    ),
    "way_note": (
        "centre: off the middle of the stride · padding: outside, corner unit · halo: what a tile needs before+after",
        "中心：相对步长中点的偏移 · 填充：角上单元在输入之外的比例 · 边缘：分块前+后所需像素",
    ),
    "way_all": ("all (n): n without global operators · ", "all (n)：n 不计全局算子 · "),
    "largest_note": ("Largest field: {size} at {layer}.", "最大感受野：{size}，位于 {layer}。"),
    "largest_output": ("No layer sees more.", "没有看得更多的层。"),
    "largest_local": (
        "Largest field without global operators: {size} at {layer}.",
        "不计全局算子的最大感受野：{size}，位于 {layer}。",
    ),
    "outputs_note": ("Outputs: {outputs}.", "输出：{outputs}。"),
    "output_sees": ("{output} sees {size}", "{output} 看到 {size}"),
    "gap": (" ", ""),
    "several_at_most": (
        "At most, may read less ({count}): {names}.",
        "上界，实际读取可能更少（{count}）：{names}。",
    ),
    "several_global": (
        "Global operators ({count}): {names}.",
        "全局算子（{count}）：{names}。",
    ),
    "several_misaligned": (
        "Misaligned ({count}): {names}.",
        "中心不一致（{count}）：{names}。",
    ),
    "more_note": (
        "More: --all, --depth 1 (stages), --only conv, --columns, --format json.",
        "更多：--all、--depth 1（各阶段）、--only conv、--columns、--format json。",
    ),
    "made_by": (
        "Made by striate {version}; this file needs no network.",
        "由 striate {version} 生成；本文件无需联网。",
    ),
    "exact": ("exact", "精确"),
    "periodic": ("periodic", "周期"),
    "irregular": ("irregular", "不规则"),
    "whole": ("whole", "全局"),
    "all": ("all", "全部"),
    "with_local": ("{sizes} (local {local})", "{sizes}（局部 {local}）"),
    "none": ("none", "无"),
    "misaligned": ("misaligned", "错位"),
    "at most": ("at most", "上界"),
    "exact_legend": ("every inner unit follows size, stride and start", "内部的每个单元都符合大小、步长、起点"),
    "periodic_legend": ("units follow them by phase, as after upsampling", "各相位分别符合，如上采样之后"),
    "irregular_legend": ("units follow no common rule", "各单元没有统一规律"),
    "whole_legend": ("a global operator lets every unit see everything", "全局算子使每个单元看到整幅输入"),
    "none_legend": ("the layer does not depend on this input", "该层不依赖此输入"),
    "misaligned_legend": ("branches of a merge look at different places", "合并处的各分支看向不同位置"),
    "at most_legend": ("an upper bound: units may read less", "上界：单元实际读取的可能更少"),
    "search": ("Search layers and operators", "搜索层和算子"),
    "any_status": ("any status", "全部状态"),
    "shown_of": ("shown", "已显示"),
    "click_note": (
        "Select a row to see what its middle unit sees.",
        "点击一行可查看其中间单元看到的区域。",
    ),
    "row_sees": ("The middle unit of {layer} sees", "{layer} 的中间单元看到"),
    "row_unknown": ("no rule gives a box for this layer", "该层没有可绘制的矩形"),
    "row_local": ("without global operators", "不计全局算子"),
    "chart": ("Field against depth", "感受野随深度的变化"),
    "chart_title": ("pixels that a unit sees, layer by layer", "各层单元看到的像素数"),
    "chart_whole": ("also sees everything: local field", "同时看到整幅输入：此处为局部感受野"),
    "lessons": ("The tutorial, computed", "教程中的例子"),
    "grid_note": (
        "Units of tokens are the places of their grid; 1+14x14 tokens are one without a place, then 14 rows of 14.",
        "词元的单元即其网格上的位置；1+14x14 个词元表示先有一个不在网格上的词元，再有 14 行、每行 14 个。",
    ),
    "axes": ("axes", "各轴"),
    "batch": ("batch", "批次"),
    "token": ("token", "词元"),
    "feature": ("feature", "特征"),
    "mixed": ("mixed", "混合"),
    "inner": ("inner", "单元内"),
}
