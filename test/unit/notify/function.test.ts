/** Functions: what each answer means, over HTTP and from an HTTP server that stands for AWS Lambda. */

import type { ServerResponse } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { openFunction } from '../../../src/notify/function.ts'
import { listen } from './http-server.ts'

const arn = 'arn:aws:lambda:eu-west-1:123456789012:function:triage'
const event = '{"Records":[]}'
const invocation = { id: 'm1-0', type: 'RequestResponse' } as const
const asEvent = { id: 'm1-0', type: 'Event' } as const

/** Stands for AWS Lambda: takes Invoke, answers as told. */
async function lambda(answer: string, headers: Record<string, string> = {}, status?: number) {
  const { url, got } = await listen((request, response) => {
    const asked = request.headers['x-amz-invocation-type'] === 'Event' ? 202 : 200
    response.writeHead(status ?? asked, headers).end(answer)
  })
  const place = { type: 'lambda', endpoint: url, timeoutMs: 10_000 } as const
  const keys = { accessKeyId: 'test', secretAccessKey: 'test' }
  return { target: openFunction(arn, { ...place, ...keys }), got }
}

async function http(answer: string, status = 200) {
  const { url, got } = await listen(
    (_request, response) => void response.writeHead(status).end(answer),
  )
  const place = { type: 'http', url: `${url}/triage`, timeoutMs: 10_000, allowPrivate: false }
  return { target: openFunction(arn, { ...place, type: 'http' } as const), got }
}

const kinds = [
  ['Lambda', lambda],
  ['an HTTP function', http],
] as const
const answers = [
  // answer, disposition (undefined: it has failed), why
  ['{"disposition":"STOP_RULE"}', 'STOP_RULE', 'as the manual has it'],
  ['{"disposition":"STOP_RULE_SET","x":1}', 'STOP_RULE_SET', 'and more beside it'],
  ['{"disposition":"CONTINUE"}', 'CONTINUE', 'as the manual has it'],
  ['{"disposition":"stop_rule_set"}', 'STOP_RULE_SET', "letter case of AWS's own sample"],
  ['{"disposition":"Stop_Rule"}', 'STOP_RULE', 'any letter case'],
  ['{"disposition":"HALT"}', 'CONTINUE', 'SES: unknown'],
  ['{"disposition":1}', 'CONTINUE', 'no word'],
  ['{}', 'CONTINUE', 'SES: missing'],
  ['null', 'CONTINUE', 'SES: null'],
  ['"STOP_RULE"', 'CONTINUE', 'no object'],
  ['', 'CONTINUE', 'nothing'],
  ['<html>STOP_RULE</html>', undefined, "a proxy's page is no decision"],
  ['{"disposition":"STOP_RULE"', undefined, 'cut off'],
] as const

describe.for(kinds)('%s', ([, open]) => {
  test.for(answers)('answering %s means %s (%s)', async ([answer, expected]) => {
    const { target } = await open(answer)
    const outcome = target.invoke(event, invocation)
    if (expected === undefined) await expect(outcome).rejects.toThrow('the answer is not JSON')
    else expect(await outcome).toBe(expected)
    target.close()
  })

  test('is not listened to as an Event', async () => {
    const { target, got } = await open('{"disposition":"STOP_RULE_SET"}')
    expect(await target.invoke(event, asEvent)).toBe('CONTINUE')
    target.close()
    expect(got[0]?.headers['x-amz-invocation-type']).toBe('Event')
    expect(got[0]?.body).toBe(event)
  })
})

describe('Lambda', () => {
  test('is called by the name of its ARN', async () => {
    const { target, got } = await lambda('null')
    await target.invoke(event, invocation)
    target.close()
    expect(decodeURIComponent(got[0]?.path ?? '')).toBe(`/2015-03-31/functions/${arn}/invocations`)
  })

  test('that threw has failed: its answer is no decision', async () => {
    const { target } = await lambda('{"disposition":"STOP_RULE"}', {
      'x-amz-function-error': 'Unhandled',
    })
    await expect(target.invoke(event, invocation)).rejects.toThrow(`${arn} failed: Unhandled`)
    target.close()
  })

  test('that is refused says so in one printable line', async () => {
    const { target } = await lambda(
      '{"message":"no\\u001b[2J\\nsuch function"}',
      { 'x-amzn-errortype': 'ResourceNotFoundException' },
      404,
    )
    const error = await target.invoke(event, invocation).catch((thrown: unknown) => thrown)
    target.close()
    expect(String(error)).toContain('ResourceNotFoundException: no')
    expect(String(error)).toMatch(/^[ -~]+$/)
  })

  const slow = [
    // what it does until nobody listens
    ['says nothing', () => {}],
    ['drips', (response: ServerResponse) => void response.write(' ')],
  ] as const
  test.for(slow)('that %s is given up', async ([, act]) => {
    const { url } = await listen((_request, response) => {
      const timer = setInterval(() => act(response), 20)
      response.on('close', () => clearInterval(timer))
    })
    const place = { type: 'lambda', endpoint: url, timeoutMs: 300 } as const
    const target = openFunction(arn, { ...place, accessKeyId: 'a', secretAccessKey: 'b' })
    await expect(target.invoke(event, invocation)).rejects.toThrow(`Lambda function ${arn}`)
    target.close()
  })
})

describe('an HTTP function', () => {
  test('is signed when it has a secret', async () => {
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
    const { url, got } = await listen((_request, response) => void response.end())
    const rest = { timeoutMs: 10_000, allowPrivate: false, secret }
    const target = openFunction(arn, { type: 'http', url, ...rest })
    await target.invoke(event, invocation)
    target.close()
    const [{ body, headers } = { body: '', headers: {} }] = got
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(event))
  })

  test('that answers too much has decided nothing', async () => {
    const { target } = await http(`{"disposition":"STOP_RULE"${' '.repeat(300_000)}}`)
    await expect(target.invoke(event, invocation)).rejects.toThrow('longer than 262144 octets')
    expect(await target.invoke(event, asEvent)).toBe('CONTINUE')
    target.close()
  })

  test('that answers 500 has decided nothing', async () => {
    const { target } = await http('{"disposition":"STOP_RULE"}', 500)
    await expect(target.invoke(event, invocation)).rejects.toThrow('answered 500')
    target.close()
  })
})
