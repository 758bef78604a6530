/** A run as a picture (SVG): the ratios with their goals, then the rates. Colours that do on light and on dark. */
import { type Goal, goals, meets, ratioNames } from './goals.ts'
import type { Results, Row } from './report.ts'

const [width, left, right, line] = [900, 430, 110, 22]
const wide = width - left - right
const colours = { postern: '#2f81c7', other: '#9a9a9a', missed: '#d9822b', text: '#808080' }

export function chartOf(results: Results): string {
  const parts: string[] = []
  let y = 0
  const heading = (words: string): void => {
    y += 24
    parts.push(text(16, y, words, 'start', 14))
    y += 10
  }
  heading(
    `Postern ${results.commit}, ${results.when.slice(0, 10)}: ratios within one run, and the goals`,
  )
  const ratios = ratioNames.flatMap((name) => {
    const ratio = results.ratios[name]
    return ratio === undefined ? [] : [{ ratio, ...(goals[name] as Goal) }]
  })
  const most = Math.max(1, ...ratios.flatMap(({ ratio, goal }) => [ratio, goal]))
  for (const { what, ratio, goal, atMost } of ratios) {
    const reached = meets({ what, goal, ...(atMost && { atMost }) }, ratio)
    const colour = reached ? colours.postern : colours.missed
    parts.push(
      bar(y, what, ratio / most, colour, `${ratio.toFixed(2)} (${atMost ? '≤' : '≥'} ${goal})`),
    )
    const at = left + (goal / most) * wide
    parts.push(
      `<path d="M${at.toFixed(1)} ${y}v${line - 4}" stroke="${colours.text}" stroke-width="2"/>`,
    )
    y += line
  }
  for (const rows of byLoad(results.rows)) {
    heading(`${rows[0]?.load}: messages per second`)
    const fastest = Math.max(...rows.map(({ rate }) => rate.max))
    for (const { server, rate } of rows) {
      const colour = server.startsWith('Postern') ? colours.postern : colours.other
      parts.push(bar(y, server, rate.median / fastest, colour, rate.median.toFixed(0)))
      const [low, high] = [rate.min, rate.max].map((each) => left + (each / fastest) * wide)
      const middle = y + line / 2 - 2
      parts.push(
        `<path d="M${low?.toFixed(1)} ${middle}H${high?.toFixed(1)}" stroke="${colours.text}"/>`,
      )
      y += line
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 16}" font-family="sans-serif">
<title>Postern beside its peers</title>
${parts.join('\n')}
</svg>
`
}

function byLoad(rows: readonly Row[]): readonly Row[][] {
  const groups: Row[][] = []
  for (const row of rows) {
    const last = groups.at(-1)
    if (last?.[0]?.load === row.load && last[0].group === row.group) last.push(row)
    else groups.push([row])
  }
  return groups
}

function bar(y: number, name: string, share: number, colour: string, figure: string): string {
  const length = Math.max(1, share * wide)
  return [
    text(left - 8, y + line - 9, name, 'end', 12),
    `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${line - 4}" fill="${colour}"/>`,
    text(width - 8, y + line - 9, figure, 'end', 12),
  ].join('\n')
}

function text(x: number, y: number, words: string, anchor: string, size: number): string {
  const safe = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${x}" y="${y}" font-size="${size}" text-anchor="${anchor}" fill="${colours.text}">${safe}</text>`
}
