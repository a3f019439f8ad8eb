"""The words of check: what is proved, and how."""

from __future__ import annotations

CHECK: dict[str, tuple[str, str]] = {
    "unit": ("unit", "单元"),
    "claimed": ("claimed", "声称"),
    "lit": ("lit", "点亮"),
    "outside proved": ("outside proved", "外部已证"),
    "method": ("method", "方法"),
    "backward": ("backward", "反向"),
    "one by one": ("one by one", "逐个"),
    "many_units": ("{count} units", "{count} 个单元"),
    "one_layer": ("1 layer", "1 层"),
    "many_layers": ("{count} layers", "{count} 层"),
    "proof_one": (
        "Proved: the unit looked at reads every pixel it is said to read and no other.",
        "已证明：所查看的单元读取所声称的每个像素，且不读取其他像素。",
    ),
    "proof_all": (
        "Proved: all {units} units looked at, in {layers}, read every pixel they are said to read and no other.",
        "已证明：所查看的全部 {units} 个单元（{layers}）读取所声称的每个像素，且不读取其他像素。",
    ),
    "proof_local_all": (
        "Proved: without global operators all {units} units looked at, in {layers}, read every pixel of their local "
        "field and no other.",
        "已证明：不计全局算子时，所查看的全部 {units} 个单元（{layers}）读取局部感受野的每个像素，且不读取其他像素。",
    ),
    "proof_some": (
        "Nothing disagrees. Proved to read every pixel claimed and no other: {proved} of {units} units, in {layers}.",
        "没有不一致。已证明读取所声称的每个像素且不读取其他像素：{units} 个单元中的 {proved} 个（{layers}）。",
    ),
    "proof_local": (
        "Nothing disagrees. Proved to read every pixel of their local field and, without global operators, no other: "
        "{proved} of {units} units, in {layers}. What the others read beyond it is not shown.",
        "没有不一致。已证明读取局部感受野的每个像素，且不计全局算子时不读取其他像素：{units} 个单元中的 {proved} 个"
        "（{layers}）。其余单元在此之外读取什么，未能证明。",
    ),
    "proof_bounds": (
        "Upper bounds, beyond which nothing is read: {count}.",
        "上界，其外不读取任何像素：{count} 个。",
    ),
    "proof_rest": (
        "Of the claimed pixels of the others {left} of {claimed} were not tried; the {lit} that were lit all reached "
        "their unit, and nothing beyond the claims is read.",
        "其余单元所声称的 {claimed} 个像素中有 {left} 个未试；点亮的 {lit} 个全部到达其单元，"
        "且不读取声称之外的任何像素。",
    ),
    "proof_wrong": (
        "DISAGREES: {bad} of {units} units and {worse} of {extents} extents.",
        "不一致：{units} 个单元中有 {bad} 个，{extents} 个范围中有 {worse} 个。",
    ),
    "proof_fault": ("DISAGREES: {where}: {what}.", "不一致：{where}：{what}。"),
    "proof_pixel": ("pixel {pixel} {kind}", "像素 {pixel} {kind}"),
    "read but not claimed": ("is read but not claimed", "被读取，但未声称"),
    "claimed but not read": ("is claimed but not read", "已声称，但未被读取"),
    "moves it but is not claimed": ("moves it but is not claimed", "使其改变，但未声称"),
    "extent_all": (
        "All {units} units of these layers begin and end where claimed ({axes}).",
        "这些层的全部 {units} 个单元都在所声称处开始和结束（{axes}）。",
    ),
    "extent_some": (
        "Of all {units} units of these layers {agreeing} were seen to begin and end where claimed, none to do "
        "otherwise ({axes}).",
        "这些层的全部 {units} 个单元中，{agreeing} 个经验证在所声称处开始和结束，没有发现例外（{axes}）。",
    ),
    "noise_some": (
        "The model itself, {runs} runs on noise: {still} of {units} units kept every bit while {share} of what they "
        "are not said to read changed; {moved} of {sides} outermost lines moved their unit, which tells nothing of "
        "the others.",
        "模型本身在噪声上运行 {runs} 次：{units} 个单元中有 {still} 个在其声称之外的 {share} 改变时逐位不变；"
        "{sides} 条最外侧线中有 {moved} 条使其单元改变，其余的不说明什么。",
    ),
    "noise_whole": (
        "The model itself, {runs} runs on noise: every unit is said to read all pixels; {moved} of {sides} outermost "
        "lines moved their unit, which tells nothing of the others.",
        "模型本身在噪声上运行 {runs} 次：每个单元都声称读取全部像素；{sides} 条最外侧线中有 {moved} 条使其单元改变，"
        "其余的不说明什么。",
    ),
    "noise_none": ("The model itself was not tried with noise: {why}.", "未在噪声上运行模型本身：{why}。"),
    "proof_without": ("Left out: the global paths of {names}.", "不计以下算子的全局路径：{names}。"),
    "proof_by": (
        "{runtime}, {passes} passes of the twin, seed {seed}.",
        "{runtime}，孪生网络运行 {passes} 次，种子 {seed}。",
    ),
    "proof_time": (
        "Every pixel of all {units} units of these layers: about {time} here (--all).",
        "证明这些层全部 {units} 个单元的每个像素：此处约需 {time}（--all）。",
    ),
    "seconds": ("{count} s", "{count} 秒"),
    "minutes": ("{count} min", "{count} 分钟"),
    "hours": ("{count} h", "{count} 小时"),
    "days": ("{count} days", "{count} 天"),
    "proof_legend_proved": ("claimed and proved: {count}", "声称且已证：{count}"),
    "proof_legend_left": ("claimed, not proved: {count}", "声称但未证：{count}"),
    "proof_legend_outside": ("not claimed, proved unread: {count}", "未声称，已证不读取：{count}"),
    "proof_legend_hidden": ("not claimed, not shown: {count}", "未声称，未能证明：{count}"),
    "proof_place": ("rows {rows}, columns {columns} of {shape}", "{shape} 中的行 {rows}，列 {columns}"),
}
