"""The words of the page on the experiment of Hubel and Wiesel."""

from __future__ import annotations

TUNING: dict[str, tuple[str, str]] = {
    "tuning_title": ("The experiment of Hubel and Wiesel on one layer", "对一层做 Hubel 与 Wiesel 的实验"),
    "tuning_field": ("Field, filled", "感受野（填满）"),
    "tuning_shown": ("Shown", "刺激"),
    "tuning_channels": ("Channels", "通道"),
    "tuning_dead": ("Dead", "失效"),
    "tuning_unresponsive": ("Never above the blank", "从不超过空白"),
    "tuning_median_osi": ("Median OSI", "OSI 中位数"),
    "tuning_median_f1f0": ("Median F1/F0", "F1/F0 中位数"),
    "tuning_control": ("weights shuffled: {value}", "打乱权重：{value}"),
    "tuning_no_control": ("no control", "无对照"),
    "tuning_angles": ("{count} angles", "{count} 个角度"),
    "tuning_grating": ("{scales} frequencies x {places} phases", "{scales} 个频率 x {places} 个相位"),
    "tuning_bar": ("{scales} widths x {places} places, light and dark", "{scales} 种宽度 x {places} 个位置，亮与暗"),
    "tuning_edge": ("{places} places, light and dark", "{places} 个位置，亮与暗"),
    "tuning_population": ("All channels beside the control", "全部通道与对照"),
    "tuning_population_note": (
        "Bars: this layer. Line: the same layer with the weights of each kernel shuffled, which is what depth alone "
        "gives. Channels without an answer above the blank are left out.",
        "柱：本层。线：同一层，但每个卷积核内的权重被打乱，即仅由深度得到的结果。没有超过空白的响应的通道不计入。",
    ),
    "tuning_spread": ("{measure}, channels", "{measure}，通道数"),
    "tuning_ours": ("this layer, median {value}", "本层，中位数 {value}"),
    "tuning_theirs": ("weights shuffled, median {value}", "打乱权重，中位数 {value}"),
    "tuning_rings": ("Rings: the answer to each angle", "环：对各角度的响应"),
    "tuning_rings_note": (
        "A curve stands as far from the middle as the channel answers to a bar of that direction, each scaled to its "
        "own largest answer. The bar in the middle has the preferred angle. The most selective come first.",
        "曲线离中心的距离就是该通道对该方向的条的响应，按各自最大响应缩放。中间的条是偏好角度。选择性最强的排在最前。",
    ),
    "tuning_rings_more": ("{count} more channels stand in the table.", "其余 {count} 个通道见下表。"),
    "tuning_table": ("Every channel", "各通道"),
    "tuning_formulas": ("How it is worked out", "计算方法"),
    "tuning_channel": ("channel", "通道"),
    "tuning_preferred": ("angle", "角度"),
    "tuning_preferred_tested": ("tested", "实测"),
    "tuning_osi": ("OSI", "OSI"),
    "tuning_cv": ("CV", "CV"),
    "tuning_half_bandwidth": ("half-bw", "半宽"),
    "tuning_orthogonal": ("orth/pref", "正交/偏好"),
    "tuning_scale": ("scale", "尺度"),
    "tuning_octaves": ("octaves", "倍频程"),
    "tuning_f1f0": ("F1/F0", "F1/F0"),
    "tuning_polarity": ("polarity", "极性"),
    "tuning_kind": ("kind", "类型"),
    "tuning_kind_dead": ("dead", "失效"),
    "tuning_kind_unresponsive": ("never above", "从不超过"),
    "tuning_kind_simple": ("simple-like", "类简单细胞"),
    "tuning_kind_complex": ("complex-like", "类复杂细胞"),
    "formula_response": (
        "R = max(response - response to the blank, 0)", "R = max(响应 - 对空白的响应, 0)"
    ),
    "formula_preferred": (
        "angle = arg(sum R(a) e^(2ia)) / 2, of the bar itself: 0 along x, anticlockwise, in [0, 180) degrees",
        "角度 = arg(sum R(a) e^(2ia)) / 2，指条本身：沿 x 轴为 0，逆时针，在 [0, 180) 度内",
    ),
    "formula_preferred_tested": ("tested = the shown angle whose R is largest", "实测 = R 最大的所示角度"),
    "formula_osi": (
        "OSI = |sum R(a) e^(2ia)| / sum R(a); CV = 1 - OSI", "OSI = |sum R(a) e^(2ia)| / sum R(a)；CV = 1 - OSI"
    ),
    "formula_half_bandwidth": (
        "half-bw = half the width in degrees of R(a) around its largest value where it is above 1/sqrt(2) of it",
        "半宽 = R(a) 在最大值附近高于其 1/sqrt(2) 的范围宽度的一半（度）",
    ),
    "formula_orthogonal": ("orth/pref = R(tested + 90) / R(tested)", "正交/偏好 = R(实测 + 90) / R(实测)"),
    "formula_scale": (
        "scale = the frequency (cycles per pixel) or width (pixels) whose R is largest; octaves = log2 of the upper "
        "over the lower frequency at half of it",
        "尺度 = R 最大的频率（周期/像素）或宽度（像素）；倍频程 = 半高处上下频率之比的 log2",
    ),
    "formula_f1f0": (
        "F1/F0 = (2/P |sum R(p) e^(-ip)|) / (1/P sum R(p)) over P = {places} phases p; from 1 on simple-like",
        "F1/F0 = (2/P |sum R(p) e^(-ip)|) / (1/P sum R(p))，P = {places} 个相位 p；大于等于 1 为类简单细胞",
    ),
    "formula_polarity": (
        "polarity = (L - D) / (L + D), L and D the largest R to light and to dark",
        "极性 = (L - D) / (L + D)，L 与 D 为对亮与暗的最大 R",
    ),
    "formula_curve_phases": (
        "R(a) at the scale of the largest R, the mean over phases", "R(a) 取 R 最大的尺度，对相位取平均"
    ),
    "formula_curve_places": (
        "R(a) at the scale of the largest R, the best of all places", "R(a) 取 R 最大的尺度，取所有位置中最大者"
    ),
}
