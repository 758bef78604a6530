/** SPF of a message: MAIL FROM, which makes the verdict, and HELO beside it. RFC 7208 §2.3, §2.4, §9.1 */
import type { Resolve } from '../../dns/resolver.ts'
import type { Envelope } from '../../mail/envelope.ts'
import { spfVerdicts } from '../../mail/spf-verdict.ts'
import type { SpfJudgement, SpfResult } from '../../mail/verdict.ts'
import { bounded, posternEngine } from '../reported.ts'
import { clientAddress, dotted } from './addresses.ts'
import { type Checked, checkHost } from './check-host.ts'

type Client = Pick<Envelope, 'remoteIp' | 'helo' | 'reversePath'>

/** `receiver`: our name, in the comment. */
export async function judgeSpf(
  client: Client,
  receiver: string,
  resolve: Resolve,
): Promise<SpfJudgement & { readonly result: SpfResult; readonly domain: string }> {
  const { remoteIp: ip, helo, reversePath: sender } = client
  const [checked, ofHelo] = await Promise.all([
    checkHost({ ip, sender, helo }, resolve),
    judgesHelo(client) ? checkHost({ ip, sender: '', helo }, resolve) : undefined,
  ])
  const { result, domain } = checked
  const verdict = spfVerdicts[result]
  return {
    verdict,
    ...(verdict === 'PASS' ? {} : { reason: `spf-${result}` }),
    engine: posternEngine,
    result,
    // §2.4: of the null reverse-path the HELO identity is checked.
    identity: sender === '' ? 'helo' : 'mailfrom',
    domain: bounded(domain),
    comment: bounded(commentOf(checked, ip, receiver)),
    ...(ofHelo === undefined ? {} : { helo: { domain: bounded(helo), result: ofHelo.result } }),
  }
}

/** §2.3: where it is a name, and not what MAIL FROM is judged by anyway. */
function judgesHelo({ helo, reversePath }: Client): boolean {
  const isName = /^(?=.{1,253}$)[a-z0-9_-]+(\.[a-z0-9_-]+)+\.?$/i.test(helo)
  return reversePath !== '' && isName && !/\.\d+\.?$/.test(helo)
}

/** §9.1: a sentence for people. */
function commentOf(
  { result, domain, sender, problem }: Checked,
  ip: string,
  receiver: string,
): string {
  const why = problem === undefined ? '' : `: ${problem}`
  switch (result) {
    case 'pass':
      return `${receiver}: domain of ${sender} designates ${plain(ip)} as permitted sender`
    case 'fail':
      return `${receiver}: domain of ${sender} does not designate ${plain(ip)} as permitted sender`
    case 'softfail':
      return `${receiver}: domain of transitioning ${sender} does not designate ${plain(ip)} as permitted sender`
    case 'neutral':
      return `${receiver}: ${plain(ip)} is neither permitted nor denied by domain of ${sender}`
    case 'none':
      return `${receiver}: ${domain} does not designate permitted sender hosts`
    case 'permerror':
      return `${receiver}: permanent error in processing during lookup of ${sender}${why}`
    case 'temperror':
      return `${receiver}: error in processing during lookup of ${sender}${why}`
  }
}

/** IPv4 in IPv6 as what it was judged as. */
function plain(ip: string): string {
  const address = ip.includes(':') ? clientAddress(ip) : undefined
  return address?.length === 1 ? dotted(address) : ip
}
