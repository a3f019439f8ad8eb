"""The words of the page's questions: what learners ask, and wrong answers to find the error in."""

from __future__ import annotations

QUESTIONS: dict[str, tuple[str, str]] = {
    "questions_title": ("Fifteen questions", "十五个问题"),
    "see_it": ("See it in {view}", "在“{view}”中查看"),
    "ask_growth": (
        "How large is the field at layer n, and why do only earlier strides count?",
        "第 n 层的感受野有多大？为什么只乘前面各层的步长？",
    ),
    "answer_growth": (
        "r = r + (k - 1) x the product of the strides before it: a layer's own stride spreads the units of the layers "
        "after it, not its own taps.",
        "r = r + (k - 1) x 之前各层步长之积：本层的步长拉开的是后面各层的单元，而不是本层的采样点。",
    ),
    "ask_divide": ("What if the stride does not divide?", "步长不能整除时怎么办？"),
    "answer_divide": (
        "The size is rounded down and the last pixels are read by no window; Caffe's pooling rounds up instead.",
        "输出大小向下取整，最后的像素没有窗口读取；Caffe 的池化则向上取整。",
    ),
    "ask_same": (
        "Why do TensorFlow's SAME and PyTorch's padding give other numbers at stride 2?",
        "步长为 2 时，TensorFlow 的 SAME 与 PyTorch 的填充为什么结果不同？",
    ),
    "answer_same": (
        "PyTorch pads both sides alike. SAME pads what is missing, the odd pixel after: where the sums differ, all "
        "windows stand elsewhere.",
        "PyTorch 两侧对称填充。SAME 只补缺少的部分，多出的一个像素补在后面：两者不同时，所有窗口都会错开。",
    ),
    "ask_two": ("Are two 3x3 equal to one 5x5?", "两个 3x3 等于一个 5x5 吗？"),
    "answer_two": (
        "In the field, yes: 5 pixels. In the function, no: 18 weights for each pair of channels, with a nonlinearity "
        "between, instead of 25.",
        "感受野相同，都是 5 个像素。函数不同：每对通道 18 个权重且中间有非线性，而不是 25 个。",
    ),
    "ask_rgb": ("How many kernels does a colour picture need?", "彩色图像需要几个卷积核？"),
    "answer_rgb": (
        "One for each output channel, with a slice for each input channel; the products of all slices are summed into "
        "one map.",
        "每个输出通道一个卷积核，每个输入通道对应一片；各片的乘积相加成为一张特征图。",
    ),
    "ask_flip": ("Is it convolution or correlation?", "这是卷积还是互相关？"),
    "answer_flip": (
        "Cross-correlation: the kernel is not turned. For learnt weights it makes no difference, for Sobel the sign.",
        "是互相关：卷积核不翻转。对学习得到的权重没有区别，对 Sobel 则差一个符号。",
    ),
    "ask_padding": ("Does padding count in the field?", "填充算在感受野里吗？"),
    "answer_padding": (
        "The size of the field counts it, the pixels do not: at the border a part of the window holds none. The view "
        "says what share lies outside.",
        "感受野的大小包括填充，但像素不包括：边界处窗口的一部分没有像素。视图会给出落在图外的比例。",
    ),
    "ask_matrix": ("How does it become a 4x16 matrix?", "它怎样变成 4x16 的矩阵？"),
    "answer_matrix": (
        "Four places give four rows, sixteen pixels sixteen columns, nine weights in each row. Libraries multiply by "
        "im2col instead, or do neither.",
        "四个位置对应四行，十六个像素对应十六列，每行九个权重。库实际使用 im2col 或其他算法，并不构建它。",
    ),
    "ask_transposed": ("What is transposed in a transposed convolution?", "转置卷积转置的是什么？"),
    "answer_transposed": (
        "That matrix: each input now writes where it was read. Where the stride does not divide the kernel, some "
        "outputs are written more often: the checkerboard.",
        "转置的是那个矩阵：每个输入写到原来被读取的位置。步长不整除卷积核时，有的输出被写得更多：即棋盘效应。",
    ),
    "ask_one": ("Is it one neuron or many?", "是一个神经元还是许多个？"),
    "answer_one": (
        "Many, with the same weights and other fields. That is why the map shifts with the picture.",
        "许多个，权重相同而感受野不同。因此特征图会随图像移动。",
    ),
    "ask_dilation": ("What does dilation do?", "膨胀有什么作用？"),
    "answer_dilation": (
        "It spreads the taps: 3 taps at dilation 2 span 5 pixels, with holes. Dilations 1, 2, 4 make a field of 15.",
        "它拉开采样点：膨胀为 2 的 3 个采样点跨 5 个像素，中间有空洞。膨胀 1、2、4 叠加得到 15 的感受野。",
    ),
    "ask_effective": ("Why do the edges of a field count little?", "为什么感受野的边缘作用很小？"),
    "answer_effective": (
        "Fewer paths lead there: in the middle many windows overlap, a corner is reached by one.",
        "通向那里的路径少：中间有许多窗口重叠，角上只有一条路径。",
    ),
    "ask_larger": ("What if the field is larger than the picture?", "感受野比图像大怎么办？"),
    "answer_larger": (
        "Then every unit reads padding, and where it stands changes what it computes. Choose a unit and read the share "
        "outside.",
        "那么每个单元都会读到填充，所处位置会影响结果。选一个单元，查看落在图外的比例。",
    ),
    "ask_pointwise": (
        "What do 1x1, pooling and dense layers do to the field?",
        "1x1 卷积、池化、全连接层对感受野有什么影响？",
    ),
    "answer_pointwise": (
        "1x1: nothing. Pooling: as a convolution of its window. Dense or global pooling: everything is seen.",
        "1x1：没有影响。池化：与同样窗口的卷积相同。全连接或全局池化：看到全部。",
    ),
    "ask_layers": (
        "Edges, then parts, then objects: is it so in mine?",
        "先边缘、再部件、后物体：我的网络也是这样吗？",
    ),
    "answer_layers": (
        "Show its units bars and gratings, as Hubel and Wiesel did, beside the same network with its weights shuffled.",
        "像休伯尔与威塞尔那样给它的单元看光条与光栅，并与打乱权重的同一网络对照。",
    ),
    "errors_title": ("Spot the error", "找出错误"),
    "error_tf_pad": (
        "TensorFlow's SAME pads max(k - n mod s, 0): for n = 300, k = 3, s = 2 that is 3.",
        "TensorFlow 的 SAME 填充 max(k - n mod s, 0)：n = 300、k = 3、s = 2 时为 3。",
    ),
    "truth_tf_pad": (
        "Where n mod s = 0 it is max(k - s, 0): here 1, on the right alone.",
        "当 n mod s = 0 时应为 max(k - s, 0)：此处为 1，只在右侧。",
    ),
    "error_sides": (
        "For n = 300, k = 3, s = 2, SAME pads one pixel on each side.",
        "n = 300、k = 3、s = 2 时，SAME 两侧各填充一个像素。",
    ),
    "truth_sides": (
        "One in all, after. PyTorch's padding=1 does pad both sides, so its windows stand one pixel to the left.",
        "总共一个，补在后面。PyTorch 的 padding=1 两侧都补，所以它的窗口偏左一个像素。",
    ),
    "error_steps": (
        "A 3x3 that slid over nine places equals a 5x5.",
        "3x3 卷积核滑过九个位置，就相当于 5x5。",
    ),
    "truth_steps": (
        "Sliding makes nine outputs, each with a field of 3. Only a second layer joins them to 5.",
        "滑动得到九个输出，每个的感受野都是 3。要再加一层才会合成 5。",
    ),
    "error_area": ("The field of a 3x3 is 9.", "3x3 的感受野是 9。"),
    "truth_area": (
        "It is 3 x 3; 9 pixels lie in it. Sizes add along an axis, areas do not.",
        "是 3 x 3，其中有 9 个像素。沿轴相加的是边长，不是面积。",
    ),
    "error_around": (
        "Where a row is left over, PyTorch pads all around.",
        "剩下一行时，PyTorch 会在四周补零。",
    ),
    "truth_around": (
        "PyTorch pads what padding says, both sides alike, and drops the row that is left over.",
        "PyTorch 只按 padding 两侧对称填充，剩下的行被丢弃。",
    ),
}
