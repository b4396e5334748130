/** What is encoded, and how much arithmetic that is. */

/** Every vocabulary has these ids, and none of them is a special token. */
const [FIRST_ID, IDS] = [2000, 20_000];

/**
 * Token ids of a text that says nothing, but whose tokens differ.
 * @param {number} count
 */
export const idsOf = (count) => Array.from({ length: count }, (_, at) => FIRST_ID + ((at * 7919) % IDS));

/**
 * Multiplications and additions of one pass: the products with weights, and the two products of attention.
 * @param {Record<string, any>} config a model's `config.json`
 * @param {number} tokens
 */
export function operations(config, tokens) {
  const { hidden_size: width, intermediate_size: inner, num_hidden_layers: layers, num_attention_heads: heads } = config;
  const head = config.head_dim ?? width / heads;
  const [asking, asked] = [heads * head, (config.num_key_value_heads ?? heads) * head];
  // A gated layer has one matrix more.
  const weights = width * (2 * asking + 2 * asked) + (config.model_type === "bert" ? 2 : 3) * width * inner;
  return { linear: 2 * layers * weights * tokens, attention: 4 * layers * asking * tokens * tokens };
}

/**
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
export function cosine(a, b) {
  let [ab, aa, bb] = [0, 0, 0];
  for (let at = 0; at < a.length; at += 1) [ab, aa, bb] = [ab + a[at] * b[at], aa + a[at] * a[at], bb + b[at] * b[at]];
  return a.length === b.length ? ab / Math.sqrt(aa * bb) : NaN;
}
