//! Words that say nothing about what is looked for.

/// Words of three and more letters that say nothing about what is looked for, without accents, in
/// English, German, French, Spanish, Italian and Portuguese.
const STOP_WORDS: &str = " \
    about after all also and any are because been before being between both but can could did does \
    doing for from had has have having her here him his how into its itself just more most not now \
    off once only other our out over own same she should some such than that the their them then \
    there these they this those through under until very was were what when where which while who \
    whom why will with would you your \
    aber als auch auf aus bei bin bis das dass dem den der des die dies diese dieser ein eine einem \
    einen einer eines fur hat hatte ich ihr ist kann mein mit nach nicht noch nur oder sein sich sie \
    sind uber und uns vom von vor war warum was wenn wer werden wie wir wird zum zur \
    aux avec ces cette comme dans des elle elles est etre ils leur les mais meme nous ont par pas \
    pour quand que quel quelle qui sans ses son sont sur une vous \
    como con cual cuando donde ella ellos entre era esta este esto fue hay las los mas muy nos para \
    pero por porque quien ser sin sobre son sus una uno unos \
    che chi come dei del della delle gli nel nella non per piu quale quando questa questo sono sulla \
    ate com das dos ela ele foi isso mais nao nas onde pela pelo qual quem sao sem seu sua uma ";

/// The same, of one and two letters; none that is also the name of a thing, as `go`, `os` or `c`.
const SHORT_STOP_WORDS: &str = " \
    a i am an as at be by do he if in is it me my no of on or so to up us we \
    du er es im ob um wo zu \
    au ce de en et il je la le ne ou se si un y \
    al el lo mi o su ya di ed e da ao em na ";

/// Whether a folded word or pair says something. Two hiragana are mostly grammar.
pub(crate) fn is_telling(word: &str) -> bool {
    let is_grammar = word.chars().all(|c| matches!(c, '\u{3040}'..='\u{309F}'));
    let spaced = format!(" {word} ");
    !is_grammar && !STOP_WORDS.contains(&spaced) && !SHORT_STOP_WORDS.contains(&spaced)
}
