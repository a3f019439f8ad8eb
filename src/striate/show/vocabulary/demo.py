"""The words of the demo."""

from __future__ import annotations

DEMO: dict[str, tuple[str, str]] = {
    "demo_deeper": (
        "1. The deeper the layer, the larger the field: 3x3 kernels, one, two and three layers",
        "1. 网络越深，感受野越大：3x3 卷积核，一层、两层、三层",
    ),
    "demo_back": ("one unit of C, mapped back", "C 的一个单元逐层反向映射"),
    "demo_size": (
        "2. Output size: a 6x6 input, a 3x3 kernel, no padding, stride 1",
        "2. 输出尺寸：6x6 输入，3x3 卷积核，不填充，步长 1",
    ),
    "demo_conventions": (
        "3. A 4x4 input, a 3x3 kernel, stride 2, under each convention (one axis)",
        "3. 4x4 输入，3x3 卷积核，步长 2，各框架的约定（单轴）",
    ),
    "demo_matrix": (
        "4. Convolution as a matrix product: a 3x3 kernel over a 4x4 input",
        "4. 卷积即矩阵乘法：3x3 卷积核作用于 4x4 输入",
    ),
    "demo_matrix_says": (
        "matrix {rows}x{columns}, {nonzero} nonzeros in every row; times the flattened input, reshaped to 2x2, it "
        "equals the convolution: {equal}",
        "矩阵为 {rows}x{columns}，每行 {nonzero} 个非零元素；乘以展平的输入再变形为 2x2，与卷积结果相等：{equal}",
    ),
    "demo_conv": (
        "5. Conv2d on a photograph: 3 channels in, 32 out, 5x5, padding 5//2",
        "5. 在照片上运行 Conv2d：输入 3 通道，输出 32 通道，5x5，填充 5//2",
    ),
    "demo_bias": (
        "a corner whose {pixels} pixels are all 0, the rest being padding: {value:.4f} = its bias {bias:.4f}",
        "角上 {pixels} 个像素全为 0，其余为填充：{value:.4f} = 偏置 {bias:.4f}",
    ),
    "demo_keeps": (
        "padding=kernel_size//2 keeps the size at stride 1: 512 with kernel 5 and padding {padding} gives {output}",
        "步长为 1 时 padding=kernel_size//2 保持尺寸不变：512，卷积核 5，填充 {padding}，得到 {output}",
    ),
    "demo_channels": (
        "6. Over RGB all three channels are added up: one 3x3 kernel with three planes, at one pixel",
        "6. RGB 三个通道的结果相加：一个含三个平面的 3x3 卷积核，某一像素处",
    ),
    "demo_shared": (
        "7. The same kernel serves every place: parameters of a 3x3 layer over 4x4",
        "7. 同一卷积核用于所有位置：3x3 层作用于 4x4 输入的参数量",
    ),
    "demo_shared_says": (
        "shared {shared}, locally connected {local}, dense {dense}",
        "共享 {shared}，局部连接 {local}，全连接 {dense}",
    ),
    "demo_network": (
        "10. A real network on a real photograph: the denoiser that ships with striate",
        "10. 真实网络与真实照片：striate 自带的去噪网络",
    ),
    "demo_tuning": (
        "8. Hubel and Wiesel's experiment: gratings of every angle for 64 filters learnt from photographs",
        "8. Hubel 与 Wiesel 的实验：向从照片学到的 64 个滤波器呈现各种角度的光栅",
    ),
    "demo_tuning_says": (
        "median OSI {osi:.2f}, of the same weights shuffled {control:.2f}; F1/F0 {f1f0:.2f}, pi/2 for what only adds "
        "and cuts at zero; all {bins} directions have channels that prefer them: {all}",
        "OSI 中位数 {osi:.2f}，打乱同样的权重后 {control:.2f}；F1/F0 {f1f0:.2f}，只相加再截去负值者为 pi/2；"
        "{bins} 个方向都有偏好它的通道：{all}",
    ),
    "demo_outside": (
        "noise all around the {size} field changes a bit of an answer: {changed}",
        "在 {size} 感受野之外加满噪声，响应有任何一位改变：{changed}",
    ),
    "demo_hierarchy": (
        "9. Stage by stage: what the layers of the denoiser see, prefer and answer to in four photographs",
        "9. 逐级：去噪网络各层在四张照片中看到、偏好、响应什么",
    ),
    "demo_selective": (
        "more selective than with shuffled weights at every stage: {all}",
        "每一级的选择性都高于打乱权重：{all}",
    ),
    "demo_unexplored": ("left out: {reason}", "略去：{reason}"),
    "demo_next": ("Then try:", "接下来可运行："),
    "demo_noisy": (
        "noisy {noisy:.2f} dB -> denoised {clean:.2f} dB (PSNR)",
        "含噪 {noisy:.2f} dB -> 去噪后 {clean:.2f} dB（PSNR）",
    ),
    "demo_photo": ("photograph, {value}", "{value}"),
    "demo_noise": ("noisy: {value} dB", "{value} dB"),
    "demo_clean": ("denoised: {value} dB", "{value} dB"),
    "demo_open": ("Open these:", "请打开以下文件："),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
}
