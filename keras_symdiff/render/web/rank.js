/** A place in an order from 1, in words: "best", "2nd", "3rd". */
export function rankName(rank) {
  const ending = Math.floor((rank % 100) / 10) === 1 ? "th" : ({1: "st", 2: "nd", 3: "rd"}[rank % 10] ?? "th");
  return rank === 1 ? "best" : rank + ending;
}
