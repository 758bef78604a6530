/**
 * Writes the generated documents: docs/config.md, docs/config.schema.json and the JSON schemas of the
 * rules directory. `--check` writes nothing, names those that are stale and exits 1.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { configJsonSchema } from '../src/config/json-schema.ts'
import { configTables } from '../src/config/manual.ts'
import { filtersJsonSchema } from '../src/filters/schema.ts'
import { expectationsJsonSchema, ruleSetJsonSchema } from '../src/rules/json-schema.ts'

const root = join(import.meta.dirname, '..')

/** Every generated document: its path in the checkout, and what it has to hold. */
export function documents(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/config.md', configPage()],
    ['docs/config.schema.json', json(configJsonSchema())],
    ['rules/schema/expectations.json', json(expectationsJsonSchema())],
    ['rules/schema/filters.json', json(filtersJsonSchema())],
    ['rules/schema/rule-set.json', json(ruleSetJsonSchema())],
  ])
}

/** The documents that are not what the sources say. */
export function staleDocuments(): readonly string[] {
  return [...documents()].filter(([path, content]) => read(path) !== content).map(([path]) => path)
}

function read(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch {
    // Not there, or not readable: stale either way.
    return undefined
  }
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

function configPage(): string {
  return `# Configuration

<!-- Made by scripts/docs.ts from src/config/options.ts: change it there, then run "npm run docs". -->

Postern needs no configuration to run: without a file every option has its default. One YAML file changes what has to be different.

* **Where the file is.** \`--config FILE\`; else the file that the environment variable \`POSTERN_CONFIG\` names; else \`postern.yaml\` in the
  working directory, if there is one; else the defaults. Files are not merged: the first of these is the whole configuration.
* **Paths** that are relative start at the directory of the file; without a file, at the working directory.
* **\`\${NAME}\`** in a value stands for the environment variable NAME. It is replaced after the YAML is read, so a variable can hold any
  character and is always a text: numbers and \`true\` or \`false\` have to be written in the file. A variable that is not set is an error; an empty
  one is an empty text. \`$\${\` stands for the characters \`\${\`. Inside \`{ … }\` and \`[ … ]\` put quotes around it.
* **Secrets** (\`password\`, \`sentinelPassword\`, \`secretAccessKey\`, the password in a Redis URL) are best kept out of the file with \`\${NAME}\`. A file that holds one in
  clear text must not be readable by others: \`chmod 600 postern.yaml\`.
* **YAML** is version 1.2: \`off\`, \`yes\` and \`no\` are texts. A key that is there twice is an error, and \`<<\` merges nothing.
* **In an editor** that knows JSON schemas, the first line \`# yaml-language-server: $schema=docs/config.schema.json\` completes and explains options.

## When something is wrong

The whole file is checked before a port is opened, and every mistake is told at once with file, line, column and option. \`postern check\` does
that for the configuration and the rules, and starts nothing. This file

\`\`\`yaml broken
${brokenExample}\`\`\`

gives

\`\`\`text
${brokenAnswer}\`\`\`

## Example

An MX for \`example.com\` that keeps its mail at an S3 service, sealed to a key whose secret half is on another machine.

\`\`\`yaml example
${productionExample}\`\`\`

${configTables()}
`
}

const brokenExample = `smtp:
  maxMesageBytes: 1000000
  maxHops: 5
virus: { clamd: localhost }
encryption: { default: key/mian }
`

const brokenAnswer = `postern.yaml:2:3: smtp.maxMesageBytes: unknown key; did you mean maxMessageBytes?
postern.yaml:3:12: smtp.maxHops: must be a whole number from 10 to 1000, not 5
postern.yaml:4:17: virus.clamd: must be auto, off, unix:/path of the socket, or host:port
postern.yaml:5:24: encryption.default: there is no key "mian" in keys; did you mean main?
`

const productionExample = `hostname: mx.example.com              # what the MX record of example.com names
domains: [example.com]                # with its sub-domains
dataDir: /var/lib/postern             # a local disk that keeps what was fsynced: the spool is here
smtp:
  listen: ["[::]:25"]                 # both IPv6 and IPv4 on Linux
  processes: 2                        # one for each core that has nothing else to do
  tls:
    cert: /etc/postern/tls.crt
    key: /etc/postern/tls.key
http: { listen: "127.0.0.1:8025" }    # no login: keep it where only your monitoring reaches it
redis: "rediss://postern:\${REDIS_PASSWORD}@redis.example.com:6379/0"   # percent-encode what is special in a URL
delivery: { processes: 2, concurrency: 32 }
rules: { dir: /etc/postern/rules, active: default }
encryption: { default: key/office }   # every S3 action that names no key
keys:
  office: { type: nacl, publicKey: /etc/postern/office.pub }
store:                                # buckets that are not mapped below
  type: s3
  endpoint: https://s3.example.net
  region: eu-west-1
  forcePathStyle: true
  accessKeyId: "\${S3_ACCESS_KEY_ID}"
  secretAccessKey: "\${S3_SECRET_ACCESS_KEY}"
resources:
  buckets:
    acme-scratch: { type: dir, path: /var/lib/postern/scratch }
  keys:                               # rules exported from SES go on naming the key they named there
    "arn:aws:kms:eu-west-1:123456789012:key/2f6a4c1e-0000-4000-8000-000000000001": office
log: { format: json }
`

function main(): void {
  const stale = staleDocuments()
  if (process.argv.includes('--check')) {
    for (const path of stale) console.error(`${path} is stale: run "npm run docs"`)
    process.exitCode = stale.length > 0 ? 1 : 0
    return
  }
  for (const [path, content] of documents()) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
}

if (import.meta.main) main()
