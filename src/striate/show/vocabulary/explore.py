"""The words of what is asked of a layer's maps and weights."""

from __future__ import annotations

EXPLORE: dict[str, tuple[str, str]] = {
    "kernel": ("kernel", "卷积核"),
    "shared": ("shared", "共享"),
    "locally connected": ("locally connected", "局部连接"),
    "dense": ("dense", "全连接"),
    "MACs inside": ("MACs inside", "图内乘加"),
    "local MACs": ("local MACs", "局部连接乘加"),
    "dense MACs": ("dense MACs", "全连接乘加"),
    "moved": ("moved", "平移"),
    "map equal": ("map equal", "特征图相等"),
    "convolution": ("convolution", "卷积"),
    "weights": ("weights", "权重"),
    "biases": ("biases", "偏置"),
    "padding counted": ("MACs, padding counted", "乘加，计入填充"),
    "padding left out": ("MACs, padding left out", "乘加，不计填充"),
    "shift_step": ("{pixels} px: {units}", "{pixels} px：{units}"),
    "to_the_bit": ("to the bit", "逐位相等"),
    "within": ("within {difference:.1e}", "误差 {difference:.1e}"),
    "apart": ("no: {difference:.1e}", "否：{difference:.1e}"),
    "sharing_title": ("{model} · {input}: parameters and multiply-adds", "{model} · {input}：参数量与乘加次数"),
    "sharing_layer": (
        "{layer}: {input} to {output}, kernel {kernel}, stride {stride}, {groups}",
        "{layer}：{input} 到 {output}，卷积核 {kernel}，步长 {stride}，{groups}",
    ),
    "one_group": ("one group", "不分组"),
    "several_groups": ("{groups} groups", "{groups} 组"),
    "sharing_saves": (
        "A locally connected layer has {local:,.1f} times the parameters, a dense one {dense:,.1f} times.",
        "局部连接的参数是卷积的 {local:,.1f} 倍，全连接是 {dense:,.1f} 倍。",
    ),
    "sharing_note": (
        "Shared, locally connected and dense are parameters between the same maps, biases counted. MACs are "
        "multiply-adds of one picture without biases, taps in the padding counted; inside leaves those out. Locally "
        "connected has as many MACs as the convolution.",
        "共享、局部连接、全连接为同样两张特征图之间的参数量，计入偏置。乘加为一幅图像的次数，不计偏置，计入填充；"
        "图内乘加不计填充。局部连接的乘加次数与卷积相同。",
    ),
    "shift_note": (
        "Moved 2 px: 1 says that the picture was moved by 2 pixels down and right and the map compared one unit on, "
        "where units see their whole field in both; - says that none does, or that a global operator stands above.",
        "平移 2 px：1 表示图像向下、向右移动 2 个像素，特征图移动 1 个单元后比较；只比较两次都看到完整感受野的单元。"
        "- 表示没有这样的单元，或其上有全局算子。",
    ),
    "shift_said": (
        "Picture moved by {pixels} px, map of {at} by {units}: {compared} units equal {equal}; "
        "left in place they differ by up to {unmoved:.3g}, the largest value being {largest:.3g}.",
        "图像移动 {pixels} px，{at} 的特征图移动 {units}：{compared} 个单元{equal}；"
        "不移动则相差可达 {unmoved:.3g}，最大值为 {largest:.3g}。",
    ),
    "shift_differs": (
        "Picture moved by {pixels} px, map of {at} by {units}: {compared} units differ by up to {difference:.3g}, the "
        "largest value being {largest:.3g}.",
        "图像移动 {pixels} px，{at} 的特征图移动 {units}：{compared} 个单元相差可达 {difference:.3g}，"
        "最大值为 {largest:.3g}。",
    ),
    "channel": ("channel {channel}", "通道 {channel}"),
    "inside": ("{share} inside", "{share} 在内"),
    "patches_key": (
        "bright: read; dim: holes, not read; striped: outside the picture",
        "亮：读取；暗：空洞，不读取；条纹：图像之外",
    ),
    "hierarchy_title": ("{model}, stage by stage", "{model}：逐级"),
    "hierarchy_pictures": (
        "Pictures: {pictures}, skipped: {skipped}. At most one patch of each for a channel, cut to its exact field.",
        "图像 {pictures} 幅，跳过 {skipped} 幅。每个通道在每幅图像中至多取一块，按精确感受野裁出。",
    ),
    "hierarchy_stage": ("field {size}: {layer}, {channels} channels", "感受野 {size}：{layer}，{channels} 个通道"),
    "hierarchy_medians": (
        "median OSI {osi} (weights shuffled {osi_control}), F1/F0 {f1f0} (shuffled {f1f0_control}); {silent}",
        "OSI 中位数 {osi}（打乱权重 {osi_control}），F1/F0 {f1f0}（打乱 {f1f0_control}）；{silent}",
    ),
    "hierarchy_untuned": ("no tuning: {reason}; {silent}", "无调谐：{reason}；{silent}"),
    "untuned_everything": ("{via} lets every unit see everything", "{via} 使每个单元看到整幅输入"),
    "untuned_small": ("no unit has its whole field inside the input", "没有单元的感受野完整位于输入之内"),
    "silent": ("{dead} dead, {unresponsive} never above the blank", "{dead} 个无响应，{unresponsive} 个从不超过空白"),
    "median OSI": ("median OSI", "OSI 中位数"),
    "median F1/F0": ("median F1/F0", "F1/F0 中位数"),
    "trained": ("as it is", "原网络"),
    "weights shuffled": ("weights shuffled", "打乱权重"),
    "dead": ("dead", "无响应"),
    "hierarchy_note": (
        "OSI is 0 for the same answer at every angle and 1 for one angle alone; F1/F0 is about 1.57 where the place of "
        "a stripe matters and 0 where it does not. Medians over the channels that answer, of the unit in the middle. "
        "With shuffled weights depth is the same and what was learnt is gone: what remains is due to depth alone.",
        "OSI 为 0 表示对各角度响应相同，为 1 表示只对一个角度响应；F1/F0 约 1.57 表示条纹位置有影响，0 表示没有影响。"
        "取中间单元上有响应的通道的中位数。打乱权重后深度不变而学到的内容消失：剩下的只来自深度。",
    ),
    "explain_title": ("{layer} of {model}", "{model} 的 {layer}"),
    "explain_kernel": ("{kernel} over {size}", "{kernel} 作用于 {size}"),
    "drawn_weights": ("weights, grey where there is none", "权重，灰色处为空"),
    "drawn_input": ("input", "输入"),
    "drawn_output": ("output", "输出"),
    "matrix_of_channel": (
        "1. The rows of channel {channel} in the sparse matrix, times the input",
        "1. 稀疏矩阵中通道 {channel} 的各行，乘以输入",
    ),
    "matrix_undrawn": (
        "The rows of channel {channel}, {rows:,} x {columns:,}, are not drawn: up to {most} x {most}; take a smaller "
        "input.",
        "通道 {channel} 的各行为 {rows:,} x {columns:,}：至多绘出 {most} x {most}；请取更小的输入。",
    ),
    "shift_unmeasured": ("Not moved: {reason}.", "未移动：{reason}。"),
    "unmeasured_unasked": ("not asked for", "未要求"),
    "unmeasured_inputs": ("the network has several inputs", "网络有多个输入"),
    "unmeasured_everything": ("a global operator lets every unit see everything", "全局算子使每个单元看到整幅输入"),
    "unmeasured_irregular": ("its units follow no common rule", "各单元没有统一规律"),
    "unmeasured_small": (
        "no unit sees its whole field in both pictures; give a larger input",
        "没有单元在两幅图像中都看到完整感受野；请给更大的输入",
    ),
}
