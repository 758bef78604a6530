/**
 * Many senders, a process of its own: `node senders.ts HOST PORT RATE SECONDS SESSIONS` begins RATE sessions a
 * second, each with one message of 4 KiB, whatever became of those before; with RATE 0 SESSIONS at a time, each
 * as soon as another is done. None tries again. Prints what came of it as JSON: see `Outcome`.
 */
import { connect } from 'node:net'

export type Outcome = {
  readonly seconds: number
  readonly accepted: number
  /** 4yz at connect, and later. */
  readonly refusedAtConnect: number
  readonly refusedLater: number
  /** Neither: the connection broke. */
  readonly failed: number
  /** Milliseconds from connecting to the last reply, of those accepted and of those refused. */
  readonly acceptedMs: Quantiles
  readonly refusedMs: Quantiles
}
type Quantiles = { readonly p50: number; readonly p99: number; readonly max: number }

const [, , host = '', port = '', rate = '0', seconds = '5', sessions = '32'] = process.argv

const message = `Subject: load\r\n\r\n${`${'x'.repeat(78)}\r\n`.repeat(51)}.\r\n`
const steps = [
  'EHLO client.example.test\r\n',
  'MAIL FROM:<sender@example.test>\r\nRCPT TO:<you@example.test>\r\nDATA\r\n',
  message,
  'QUIT\r\n',
]
/** The last reply to each step, which the next waits for. */
const awaited = [/^220 /m, /^250 /m, /^354 /m, /^250 OK /m]

const counts = { accepted: 0, refusedAtConnect: 0, refusedLater: 0, failed: 0 }
const times: { readonly accepted: number[]; readonly refused: number[] } = {
  accepted: [],
  refused: [],
}

function session(done: () => void): void {
  const began = performance.now()
  let step = 0
  let text = ''
  let over = false
  const socket = connect({ host, port: Number(port) })
  const end = (what: keyof typeof counts): void => {
    if (over) return
    over = true
    counts[what] += 1
    if (what !== 'failed')
      times[what === 'accepted' ? 'accepted' : 'refused'].push(performance.now() - began)
    if (what === 'accepted') socket.end('QUIT\r\n')
    else socket.destroy()
    done()
  }
  socket.setNoDelay(true)
  // Linux forgets connections that nobody accepts in time, and tells the client nothing.
  socket.setTimeout(20_000, () => end('failed'))
  socket.on('error', () => end('failed'))
  socket.on('close', () => end('failed'))
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    if (/^[45]\d\d /m.test(text)) return end(step === 0 ? 'refusedAtConnect' : 'refusedLater')
    if (awaited[step]?.test(text) !== true) return
    text = ''
    if (step === 3) return end('accepted')
    socket.write(steps[step] ?? '')
    step += 1
  })
}

function quantiles(values: number[]): Quantiles {
  values.sort((a, b) => a - b)
  const at = (part: number): number => Math.round(values[Math.floor(values.length * part)] ?? 0)
  return { p50: at(0.5), p99: at(0.99), max: Math.round(values.at(-1) ?? 0) }
}

const began = performance.now()
const passed = (): number => (performance.now() - began) / 1000
let open = 0

function finish(): void {
  const outcome: Outcome = {
    seconds: passed(),
    ...counts,
    acceptedMs: quantiles(times.accepted),
    refusedMs: quantiles(times.refused),
  }
  console.log(JSON.stringify(outcome))
  process.exit()
}

function begin(): void {
  open += 1
  session(() => {
    open -= 1
    if (passed() < Number(seconds)) {
      if (Number(rate) === 0) begin()
    } else if (open === 0) finish()
  })
}

if (Number(rate) === 0) for (let n = 0; n < Number(sessions); n += 1) begin()
else {
  let begun = 0
  const timer = setInterval(() => {
    const due = Math.min(passed(), Number(seconds)) * Number(rate)
    for (; begun < due; begun += 1) begin()
    if (passed() < Number(seconds)) return
    clearInterval(timer)
    if (open === 0) finish()
  }, 5)
}
