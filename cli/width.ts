// How many columns of a terminal a text takes (Unicode's East Asian Width): wide signs two, combining marks and
// what has no form none, all others one. It knows nothing of colours, and cuts no text.

/** What may be wider or narrower than one column; nearly all text is ASCII. */
const plain = /^[\x20-\x7e]*$/

/** Marks that stand on the sign before, vowels and finals inside a Korean syllable, what has no form; no soft hyphen. */
const zero = /^(?:[\p{Mn}\p{Me}\u1160-\u11ff\ud7b0-\ud7fb]|(?!\u00ad)\p{Cf})$/u

/** East Asian Width W and F. Emoji that are shown as pictures are wide by that table, too. */
const wide = new RegExp(
  [
    '^(?:',
    String.raw`\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}`,
    String.raw`|\p{Script=Bopomofo}|\p{Script=Yi}|\p{Script=Tangut}|\p{Script=Khitan_Small_Script}|\p{Script=Nushu}`,
    // Signs of these scripts' punctuation, forms, symbols and months, and the planes of Han signs to come.
    String.raw`|[\u2329\u232a\u2630-\u2637\u268a-\u268f\u2ff0-\u303e\u3099-\u30ff\u3190-\u33ff\u4dc0-\u4dff]`,
    String.raw`|[\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6]`,
    String.raw`|[\u{16fe0}-\u{16fff}\u{1aff0}-\u{1b16f}\u{1d300}-\u{1d376}\u{1f200}-\u{1f265}]`,
    String.raw`|[\u{20000}-\u{2fffd}\u{30000}-\u{3fffd}]`,
    ')$',
  ].join(''),
  'u',
)

/** Not as wide as their kind is: half-width forms, tone marks, numbers in circles, letters of which two make a flag. */
const narrow = /^[\u02ea\u02eb\u3248-\u324f\uff61-\uffdc\u{1f1e6}-\u{1f1ff}]$/u

export function columnsOf(text: string): number {
  if (plain.test(text)) return text.length
  let columns = 0
  for (const sign of text) columns += columnsOfSign(sign)
  return columns
}

/** One code point. */
export function columnsOfSign(sign: string): 0 | 1 | 2 {
  if (plain.test(sign)) return 1
  if (zero.test(sign)) return 0
  return wide.test(sign) && !narrow.test(sign) ? 2 : 1
}
