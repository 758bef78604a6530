/** What the actions of the tests are made of: nothing leads anywhere unless a test says so. */
import type { ActionCollaborators } from '../../../src/actions/registry.ts'

function nowhere(): never {
  throw new Error('this test has no such target')
}

export function collaborators(
  given: Partial<ActionCollaborators> & Pick<ActionCollaborators, 'bucket' | 'sealer'>,
): ActionCollaborators {
  return {
    hostname: 'mx.example.test',
    maxHeaderBytes: 65_536,
    maxContentBytes: 153_600,
    quarantine: { bucket: 'quarantine', prefix: 'quarantine/' },
    topic: nowhere,
    webhook: nowhere,
    functionTarget: nowhere,
    objectUrl: async () => undefined,
    send: async () => nowhere(),
    ...given,
  }
}
