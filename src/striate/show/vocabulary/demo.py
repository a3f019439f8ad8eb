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
        "8. A real network on a real photograph: the denoiser that ships with striate",
        "8. 真实网络与真实照片：striate 自带的去噪网络",
    ),
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
