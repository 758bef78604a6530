/**
 * A function that a rule calls: Lambda at AWS, or an HTTP endpoint that takes Lambda's event and gives
 * Lambda's answer (resources.functions). SES: reference §1.6, §2, §5
 */
import type { FunctionConfig } from '../config/targets.ts'
import { openLambda } from './aws.ts'
import { type Disposition, dispositionOf } from './disposition.ts'
import { openPost } from './http-post.ts'
import { secretsOf, signedHeaders } from './signature.ts'

export type Invocation = {
  /** The same on every attempt. */
  readonly id: string
  readonly type: 'Event' | 'RequestResponse'
}

export type FunctionTarget = {
  /** Kind and place for people. */
  readonly describe: string
  /** Resolves with what the function decided; a failure rejects and is never a decision. */
  readonly invoke: (event: string, invocation: Invocation) => Promise<Disposition>
  readonly close: () => void
}

/** `arn`: as the rule names it; what is not mapped is the function at AWS. */
export function openFunction(arn: string, place: FunctionConfig | undefined): FunctionTarget {
  return place?.type === 'http' ? openHttpFunction(place) : openLambda(arn, place)
}

/** A disposition is a word. */
const maxResponseBytes = 256 * 1024

function openHttpFunction(place: Extract<FunctionConfig, { type: 'http' }>): FunctionTarget {
  const { post, describe, close } = openPost({ ...place, maxResponseBytes })
  const secrets = secretsOf(place.secret)
  return {
    describe: `function ${describe}`,
    async invoke(event, { id, type }) {
      const headers = signedHeaders(id, event, secrets, Date.now())
      const answer = await post(event, { ...headers, 'x-amz-invocation-type': type })
      if (type === 'Event') return 'CONTINUE'
      if (answer.cut !== undefined) throw new Error(`${describe}: no whole answer: ${answer.cut}`)
      return dispositionOf(answer.body, describe)
    },
    close,
  }
}
