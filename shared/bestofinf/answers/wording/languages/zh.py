"""Chinese."""

from bestofinf.answers.wording.language import Language

CHINESE = Language(
    code="zh",
    blanks=False,
    signs="谁 哪 何 几 是 的 在 由 被 了 和 与 或 不 没 每 年 月 日 号 元 岁 名",
    articles="它 他 她 它们 他们 她们 我们 您 你 这 那 这个 那个 这家 这里 那里 其 该 此 的 了 也 就 都 所 之",
    be="是 为 乃 属于",
    prepositions="在 于 对 从 到 由 被 把 给 与 向 按 用 以 以内 之内 附近 以外 之外 旁边 对面 前 后",
    plain="在 于 对 由 被 用 以 以内 之内 从",
    modals="""
        可以 能 能够 可 会 可能
        必须 需要 须 应 应该 应当
        将 将会 将于
        """,
    fillers="""很遗憾 遗憾的是
        一共 共有 共 总共 共计 总计 总 大约 约 大概 左右 目前 现在 已经 已 正好 刚好 恰好 分别 包括 如下
        达到 达 有 设有 拥有 位于 设在 坐落于 名叫 叫 叫做 名为 称为 举行 进行 开始于 日期 时间 价格 费用 数量
        人数 答案 结果 即 一张 一份 一次 一位 一人 一件 为止 期限 金额 共为 一个 个 名字 地点 位置""",
    nouns="公司 客户 用户 顾客 人员 消费者",
    yes="是 是的 对 对的 可以 可以的 能 会 有 行 好 没错 正确 当然 支持 需要 属于 包含 允许",
    no="不 不是 否 不可以 不能 不会 没有 不行 不对 错误 不支持 不需要 没 不包含 不允许",
    true="真 正确 对 是真的 真的",
    false="假 错误 错 不正确 假的 不对",
    negations="不 不是 没 没有 未 非 无 不可以 不能 不会 不行 不支持 不需要 不允许 不包含 不在 不再 禁止 并非 从未 无法 不得 不可 不用 不必",
    conditions="只 只有 仅 仅限 除非 如果 但 但是 部分 有时 通常 一般 几乎 除了 不过 尚未 还没 若 前提",
    guards="以前 曾经 曾 原 原来 前任 后来 之前 之后 但 但是 除了 另外 其他 计划 预计 不再 取消 改为 拒绝 只有 仅",
    comparators="""
        > 超过 多于 高于 大于
        < 少于 低于 不到 小于 不足
        >= 至少 不少于 最少
        <= 最多 不超过 至多
        ~ 大约 约 大概 正好 刚好
        # 将近 接近
        """,
    per="每 每个 每人 每次 / 一",
    rates="""
        day 每天 每日 天天
        week 每周 每星期
        month 每月 每个月 月均
        year 每年
        hour 每小时
        """,
    counting="次 遍",
    classifiers="张 份 名 人 个 件 本 位 台 间 只 辆 家 所",
    joins="和 与 及 以及 、",
    ors="或 或者 还是",
    agents="由 被",
    passives="被",
    places="在 于 位于",
    at_times="在 于",
    until="前 之前",
    contrasts="不是 而不是 而非",
    documents="文件 文档 资料 上下文 文中 文章 材料 内容 合同 手册 说明书 文本 原文 段落 规定 通知",
    mentions="提到 提及 说明 说 写明 提供 指出 知道 清楚 找到 确定 回答 涉及 注明",
    knowledge="信息 相关信息 答案 内容 资料 相关",
    offers="提供 包含 给出",
    unknowns="未知 不详 未提及 未提到 未说明 无法确定 无法回答 不清楚 不知道",
    regrets="抱歉 对不起 很遗憾 我 根据 中 任何 关于 相关",
    sources="根据 按照 依据 据",
    references="第 页 条 节 章 见",
    interrogatives="""
        duration 多久 多长时间 多少天 多少年 多少个月 几天 几年 几个月 多少小时 几小时
        count 多少 多少名 多少人 多少个 几个 几名 几人 几
        money 多少钱 多少元
        amount 多高 多长 多重 多大 多远 多宽 多深 多厚
        date 什么时候 何时 哪天 哪一天 几号 哪年 哪一年 几点 什么时间 什么日期 几月几日
        place 哪里 哪儿 什么地方 何处 在哪
        person 谁 哪位 何人
        cause 为什么 为何 什么原因
        name 什么 哪个 哪些 哪种 哪家 何种 哪 多少号
        """,
    particles="吗 吗? 嗎 么",
    lacks="缺少 缺 漏 错误 问题",
    says="""
        duration 期限 时间 时长 为期
        count 数量 人数 总数 数目
        money 价格 费用 价钱 收费 需要 要
        date 日期 时间 日子
        place 地点 地址 位置 位于 设在 设 城市
        person 名字 姓名
        cause 因为 由于 原因
        """,
    opposites="""
        开 关
        开始 结束
        允许 禁止
        可以 禁止
        免费 收费
        高 低
        大 小
        """,
    units="""
        duration-day 天 日
        duration-week 周 星期 个星期
        duration-month 个月
        duration-year 年
        duration-hour 小时 个小时 钟头
        duration-minute 分钟
        business-days 个工作日 工作日
        mass-kilogram 公斤
        length-kilometer 千米
        """,
    hundreds="""
        10000 万
        100000000 亿
        """,
    clock="点 点钟 时",
    mornings="上午 早上 凌晨",
    evenings="下午 晚上",
    inside="的 · 和",
    ids="版本 编号 号码 代码 邮箱 地址 电话 型号 单号 订单号",
    afterwards="""
        >= 以上
        <= 以内 以下
        """,
    orders="排序 排列 排名 顺序 升序 降序 先后 依次 序列 步骤 路线 路径 从大到小 从小到大",
)
