/** A clamd of our own: its configuration, and the two signatures it has where the official ones are not. Pure. */

/**
 * The test file of the European Institute for Computer Antivirus Research, harmless, which every scanner
 * finds. In pieces, so that none finds it in this file.
 */
export const eicar = [
  'X5O!P%@AP[4\\PZX54(P^)7CC)7}$',
  'EICAR-STANDARD-ANTIVIRUS',
  '-TEST-FILE!$H+H*',
].join('')

/** File name → content, in ClamAV's formats: the EICAR file anywhere in a file, and ClamAV's own test file. */
export const testSignatures: Readonly<Record<string, string>> = {
  'postern-test.ndb': `Postern.Test.EICAR:0:*:${Buffer.from(eicar).toString('hex')}\n`,
  'postern-test.hdb': 'aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n',
}

export type OwnClamd = {
  readonly socket: string
  /** Directory of the signatures. */
  readonly database: string
  /** Directory for what it unpacks. */
  readonly work: string
  readonly maxMessageBytes: number
}

/**
 * clamd.conf(5). The alerts are off by default, and what could not be looked into would be called clean
 * (pitfalls P57); StreamMaxLength below our largest message would refuse it at random (P54).
 */
export function clamdConf({ socket, database, work, maxMessageBytes }: OwnClamd): string {
  // A message in base64 is larger than what is in it, and what is in it may be packed.
  const most = maxMessageBytes + 1024 * 1024
  return [
    `LocalSocket ${socket}`,
    'LocalSocketMode 600',
    'FixStaleSocket yes',
    'Foreground yes',
    `DatabaseDirectory ${database}`,
    `TemporaryDirectory ${work}`,
    `StreamMaxLength ${most}`,
    `MaxFileSize ${most}`,
    `MaxScanSize ${4 * most}`,
    // Below smtp.verdictTimeoutMs: an answer that it took too long is worth more than none (P55).
    'MaxScanTime 20000',
    'AlertExceedsMax yes',
    'AlertEncrypted yes',
    'MaxThreads 10',
    'MaxQueue 200',
    'ReadTimeout 60',
    '',
  ].join('\n')
}

/** What in the clamd.conf of this machine would hurt, each with the line to write. Empty when all is well. */
export function confProblems(text: string, maxMessageBytes: number): readonly string[] {
  const value = (name: string): string | undefined =>
    new RegExp(`^[ \\t]*${name}[ \\t]+(\\S+)`, 'mi').exec(text)?.[1]
  const isOn = (name: string): boolean => /^(yes|true|1)$/i.test(value(name) ?? 'no')
  const stream = octets(value('StreamMaxLength') ?? '100M')
  const problems: string[] = []
  if (stream !== 0 && stream < maxMessageBytes) {
    problems.push(
      `StreamMaxLength is below smtp.maxMessageBytes, larger messages can't be scanned: write StreamMaxLength ${Math.ceil(maxMessageBytes / 1024 / 1024) + 1}M`,
    )
  }
  if (!isOn('AlertExceedsMax')) {
    problems.push('what exceeds a limit is called clean: write AlertExceedsMax yes')
  }
  if (!isOn('AlertEncrypted')) {
    problems.push('encrypted archives are called clean: write AlertEncrypted yes')
  }
  return problems
}

function octets(text: string): number {
  const match = /^(\d+)([KM]?)$/i.exec(text)
  if (match === null) return 0
  const unit = { '': 1, K: 1024, M: 1024 * 1024 }[(match[2] ?? '').toUpperCase()] ?? 1
  return Number(match[1]) * unit
}
