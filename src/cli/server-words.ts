/** What `explain` and `check` have to know of the server beside its rules: replies, limits, IP filters. */
import type { Config } from '../config/options.ts'
import type { CompiledFilters } from '../filters/ip-filter.ts'
import { accepted, blockedByFilter, bounced, refusals, replies } from '../haraka/replies.ts'
import type { Server } from '../rules/forecast.ts'
import { refusalOf } from '../verdicts/refusal.ts'

export type ServerOptions = Pick<
  Config,
  'smtp' | 'authentication' | 'virus' | 'spam' | 'notifications'
>

export function serverOf(config: ServerOptions, filters: CompiledFilters): Server {
  const { smtp, authentication, virus, spam, notifications } = config
  const options = {
    refuse: smtp.refuse,
    onFailure: {
      authentication: authentication.onFailure,
      virus: virus.onFailure,
      spam: spam.onFailure,
    },
  }
  return {
    limits: notifications,
    replies: {
      accepted: words(accepted('<id>')),
      noRule: words(replies.noRule),
      tlsRequired: words(replies.tlsRequired),
      noRuleForMessage: words(replies.noRuleForMessage),
      uncheckedNow: words(replies.uncheckedNow),
      bounced: ({ SmtpReplyCode, StatusCode, Message }) =>
        words(bounced(SmtpReplyCode, StatusCode, Message)),
    },
    blocks: (ip) => {
      const match = filters.find(ip)
      return match?.policy === 'Block' ? words(blockedByFilter(match.name)) : undefined
    },
    refuses: (verdicts) => {
      const cause = refusalOf(verdicts, options)
      return cause === undefined ? undefined : words(refusals[cause])
    },
  }
}

function words({ reply }: { readonly reply?: { readonly code: number; readonly text: string } }) {
  return reply === undefined ? '' : `${reply.code} ${reply.text}`
}
