// Answers each line, a JSON array of cases, with a line: what the levels of service control policies
// say of each case, as @cloud-copilot/iam-simulate has it. The argument is a file beside which that
// package is installed.

import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const { runUnsafeSimulation } = createRequire(process.argv[2])('@cloud-copilot/iam-simulate')
const ACCOUNT = '222222222222'
const everything = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }]
}

function judge({ levels, action, resource, context }) {
  const simulation = {
    request: {
      principal: `arn:aws:iam::${ACCOUNT}:role/administrator`,
      action,
      resource: { resource, accountId: ACCOUNT },
      contextVariables: context
    },
    identityPolicies: [{ name: 'everything', policy: everything }],
    serviceControlPolicies: levels.map((documents, level) => ({
      orgIdentifier: `level-${level}`,
      policies: documents.map((policy, number) => ({ name: `policy-${number}`, policy }))
    })),
    resourceControlPolicies: []
  }
  return runUnsafeSimulation(simulation, {})
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(JSON.parse(line).map(judge))}\n`)
}
