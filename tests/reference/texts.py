"""Texts in many languages for reference numbers, written for this project."""

# Language (BCP 47) and text; from no word at all to a few sentences.
SHORT = [
    ("en", ""),
    ("en", "river"),
    ("en", "How do plants eat light?"),
    ("en", "The quick brown fox jumps over the lazy dog."),
    ("en", "fn main() { println!(\"Hello, {name}!\"); } // prints 1 line, exits with 0"),
    ("de", "Wie speichern Bäume Wasser, wenn es wochenlang nicht regnet?"),
    ("fr", "Où se trouve la gare la plus proche, s'il vous plaît ?"),
    ("es", "¿Cuánto tarda la luz del Sol en llegar a la Tierra?"),
    ("pt", "A água ferve a cem graus ao nível do mar."),
    ("it", "Perché il cielo è azzurro di giorno e rosso al tramonto?"),
    ("tr", "İstanbul'da yağmur yağınca ışıklar denizde parlıyor."),
    ("pl", "Źdźbła trawy uginały się pod ciężarem rosy."),
    ("ru", "Почему зимой вода в озере не замерзает до самого дна?"),
    ("el", "Η θάλασσα ήταν ήρεμη και ο άνεμος μόλις ακουγόταν."),
    ("zh", "植物是怎样利用阳光制造食物的？"),
    ("ja", "植物はどのように光を食べるのですか。"),
    ("ko", "식물은 어떻게 빛을 먹을까요?"),
    ("ar", "كيف تصنع النباتات غذاءها من ضوء الشمس؟"),
    ("hi", "पौधे सूरज की रोशनी से भोजन कैसे बनाते हैं?"),
    ("vi", "Làm thế nào để cây xanh biến ánh sáng thành thức ăn?"),
    ("und", "🦊🌲 → 3,14 × 10⁻² ≈ ½ … naïve café ﬁnance Ⅳ"),
]

# Paragraphs that are joined and cut to exact token counts.
LONG = [
    ("en", """\
A leaf is a factory without a roof. Light falls on it, and in the green grains inside its cells the
energy of that light is used to split water. The oxygen goes out through small mouths on the leaf's
lower side; the hydrogen stays, and together with carbon dioxide from the air it becomes sugar.
From sugar the plant builds everything else: the cellulose of its walls, the starch of its roots,
the oils of its seeds. A meadow on a bright day makes several grams of sugar on every square metre,
and nearly all that animals eat comes from there, directly or by a detour.
The process is slow and wasteful when it is measured by the standards of engineers. Of the light
that arrives, a few hundredths end up in sugar. Much is reflected, which is why leaves are green;
much becomes heat; and some of the sugar is burnt again at once, by an enzyme that mistakes oxygen
for carbon dioxide. Some grasses of warm countries have found a way around this: they collect the
gas in one kind of cell and use it in another. Maize and sugar cane belong to them, and they grow
faster than wheat where the sun is strong.
Trees have yet another difficulty. Water has to rise from the roots to the crown, sometimes a
hundred metres, and there is no pump. It is pulled: each drop that evaporates from a leaf draws the
next one after it, through vessels thinner than a hair, and the column does not break because water
holds on to water. In a dry summer the pull becomes too strong, the column tears with a faint click,
and the vessel is lost. Foresters with sensitive microphones can hear a thirsty wood.
At night the factory stands still, but the plant breathes as we do. It burns a part of what the day
has made, repairs what the light has damaged, and moves sugar from the leaves to where it will be
needed. In the morning the small mouths open again."""),
    ("de", """\
Wer im Gebirge wandert, sollte das Wetter lesen können. Steigt am Morgen der Nebel rasch aus dem
Tal, so wird der Tag meist schön; bleibt er an den Hängen hängen, kommt bis zum Nachmittag Regen.
Hohe, dünne Wolken, die von Westen her den Himmel überziehen, melden eine Front für den nächsten
Tag. Gewitter dagegen entstehen an Ort und Stelle: Die Sonne erwärmt die Felsen, feuchte Luft steigt
auf, und gegen drei Uhr türmen sich Wolken, die oben wie ein Amboss auseinanderlaufen. Dann gehört
niemand mehr auf einen Grat. Auf der Hütte gibt es Suppe, trockene Socken und ein Buch, in das sich
jeder einträgt, damit man weiß, wo zu suchen ist, wenn jemand nicht ankommt."""),
    ("fr", """\
Le pain se fait avec de la farine, de l'eau, du sel et du temps. On mélange, on laisse reposer, on
plie la pâte deux ou trois fois, et le levain travaille sans bruit. Au bout d'une nuit elle a doublé
de volume et sent la pomme mûre. Le four doit être très chaud : la vapeur des premières minutes garde
la croûte souple pendant que la mie se soulève. Il faut ensuite résister à l'envie de couper la
miche, qui chante en refroidissant, car la mie finit de cuire hors du four."""),
    ("ru", """\
Озеро замерзает сверху вниз, потому что лёд легче воды. Самая тяжёлая вода имеет температуру около
четырёх градусов; она опускается на дно и остаётся там всю зиму. Поэтому рыбы спокойно зимуют под
льдом, а пруд, даже неглубокий, редко промерзает целиком. Весной ветер перемешивает слои, и со дна
поднимаются вещества, без которых не растут водоросли."""),
    ("zh", """\
图书馆的灯在傍晚六点亮起。靠窗的座位最受欢迎，因为从那里可以看到河上的船。管理员每天晚上把还回来的书
按照编号放回书架，她说，读者常常把书放错地方，所以一本书可能消失好几年，然后忽然又在另一层楼出现。"""),
    ("ar", """\
في المدينة القديمة سوق يفتح مع الفجر. يجلس العطار أمام دكانه ويزن الكمون والقرفة بميزان من نحاس
ورثه عن جده، ويقول إن الميزان لا يخطئ لأن أحدا لم يحركه من مكانه منذ مئة عام."""),
]
