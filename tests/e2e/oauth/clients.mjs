// Strict clients by a certified author against the running stack: whatever is not as the RFCs have it, they refuse.
// API: the stack's address; KEY: an admin key of a tenant. Prints one line for each thing that went well.
import * as oauth from 'oauth4webapi'
import * as oidc from 'openid-client'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const { API, KEY } = process.env
const insecure = { [oauth.allowInsecureRequests]: true } // loopback
const said = (text) => console.log(`ok ${text}`)
const must = (condition, text) => {
  if (!condition) throw new Error(text)
}

async function api(method, path, body) {
  const headers = { 'X-API-Key': KEY, 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() }
  const answer = await fetch(API + path, { method, headers, body: body && JSON.stringify(body) })
  must(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`)
  return (await answer.json()).data
}

// A browser: cookies, hidden fields, and no redirect by itself.
class Browser {
  cookies = new Map()

  async go(url, form) {
    const headers = { Cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
    const init = form
      ? { method: 'POST', body: new URLSearchParams(form), headers: { ...headers, 'Sec-Fetch-Site': 'same-origin' } }
      : { headers }
    this.answer = await fetch(new URL(url, API), { ...init, redirect: 'manual' })
    for (const each of this.answer.headers.getSetCookie()) {
      const [name, value] = each.split(';')[0].split(/=(.*)/s)
      this.cookies.set(name, value)
    }
    this.text = await this.answer.text()
    return this.answer
  }

  async submit(action, values) {
    const inside = this.text.split(`<form method="post" action="${action}">`)[1].split('</form>')[0]
    const plain = (text) => text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#x27;', "'")
    const hidden = [...inside.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)]
    const kept = Object.fromEntries(hidden.map(([, name, value]) => [name, plain(value)]))
    return this.go(action, { ...kept, ...values })
  }
}

const issuer = new URL(API)
const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
const as = await oauth.processDiscoveryResponse(issuer, discovered)
must(as.authorization_response_iss_parameter_supported, 'iss')
said('metadata')

// A machine.
const machine = await api('POST', '/v1/oauth-clients', {
  name: 'machine', type: 'confidential', grantTypes: ['client_credentials'], scopes: ['billing:read'],
})
for (const auth of [oauth.ClientSecretBasic(machine.secret), oauth.ClientSecretPost(machine.secret)]) {
  const client = { client_id: machine.id }
  const answer = await oauth.clientCredentialsGrantRequest(as, client, auth, { scope: 'billing:read' }, insecure)
  const token = await oauth.processClientCredentialsResponse(as, client, answer)
  must(token.scope === 'billing:read' && token.expires_in === 3600, 'scope')
  const call = new Request(API + '/v1/customers', { headers: { Authorization: `Bearer ${token.access_token}` } })
  const claims = await oauth.validateJwtAccessToken(as, call, API, insecure)
  must(claims.client_id === machine.id, 'client_id')
  const { status } = await fetch(call)
  must(status === 200, `a call with the token: ${status}`)
}
said('client credentials, RFC 9068')

// A user.
const email = `ada-${crypto.randomUUID()}@example.com`
const user = await api('POST', '/v1/users', { email, role: 'admin' })
const mails = await (await fetch(API + '/_gateway/mailbox', { headers: { Accept: 'application/json' } })).json()
const link = mails.find((each) => each.to === email).text.match(/https?:\/\/\S+/)[0]
const browser = new Browser()
await browser.go(link)
await browser.submit('/oauth2/password', { password: 'correct horse battery' })
must(browser.answer.status === 200, 'password')
said('invitation')

const redirect = 'https://app.example/done'
const app = await api('POST', '/v1/oauth-clients', {
  name: 'app', type: 'confidential', grantTypes: ['authorization_code', 'refresh_token'], redirectUris: [redirect],
  scopes: ['billing:read', 'billing:write'],
})
const client = { client_id: app.id }
const auth = oauth.ClientSecretBasic(app.secret)

async function allowed(decision) {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const url = new URL(as.authorization_endpoint)
  const challenge = await oauth.calculatePKCECodeChallenge(verifier)
  for (const [name, value] of Object.entries({
    client_id: app.id, redirect_uri: redirect, response_type: 'code', state, code_challenge: challenge,
    code_challenge_method: 'S256',
  })) url.searchParams.set(name, value)
  await browser.go(url)
  if (browser.text.includes('name="password"')) {
    await browser.submit('/oauth2/login', { email, password: 'correct horse battery' })
    must(browser.answer.status === 303, 'sign-in')
    await browser.go(browser.answer.headers.get('location'))
  }
  await browser.submit('/oauth2/authorize', { decision })
  const location = new URL(browser.answer.headers.get('location'))
  return { location, parameters: () => oauth.validateAuthResponse(as, client, location, state), verifier, state }
}

const given = await allowed('allow')
const exchanged = await oauth.authorizationCodeGrantRequest(
  as, client, auth, given.parameters(), redirect, given.verifier, insecure,
)
const tokens = await oauth.processAuthorizationCodeResponse(as, client, exchanged)
const keys = createRemoteJWKSet(new URL(as.jwks_uri))
const verified = await jwtVerify(tokens.access_token, keys, { issuer: API, audience: API, typ: 'at+jwt' })
must(verified.payload.sub === user.id, 'sub')
said('authorization code with PKCE')

try {
  ;(await allowed('deny')).parameters()
  throw new Error('denied, and no error')
} catch (error) {
  must(error instanceof oauth.AuthorizationResponseError && error.error === 'access_denied', String(error))
}
said('refusal')

const refresh = async (token) =>
  oauth.processRefreshTokenResponse(
    as, client, await oauth.refreshTokenGrantRequest(as, client, auth, token, insecure),
  )
const second = await refresh(tokens.refresh_token)
const again = await refresh(tokens.refresh_token)
must(again.access_token === second.access_token && again.refresh_token === second.refresh_token, 'the same successor')
said('refresh, and its answer again')

const introspected = await oauth.processIntrospectionResponse(
  as, client, await oauth.introspectionRequest(as, client, auth, second.access_token, insecure),
)
must(introspected.active === true, 'active')
await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, second.refresh_token, insecure))
const call = await fetch(API + '/v1/customers', { headers: { Authorization: `Bearer ${second.access_token}` } })
must(call.status === 401 && call.headers.get('www-authenticate').includes('invalid_token'), 'revoked at once')
said('introspection and revocation')

// The same by the library that most applications use.
const config = await oidc.discovery(issuer, app.id, app.secret, undefined, {
  algorithm: 'oauth2', execute: [oidc.allowInsecureRequests],
})
const other = await allowed('allow')
const more = await oidc.authorizationCodeGrant(config, other.location, {
  pkceCodeVerifier: other.verifier, expectedState: other.state,
})
must((await oidc.refreshTokenGrant(config, more.refresh_token)).access_token, 'openid-client refreshes')
said('openid-client')
