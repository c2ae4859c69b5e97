// A real Vendure shop with two channels, whose orders are those of a scenario.
//
//   node vendure_shop.cjs FOLDER SCENARIO   (FOLDER holds node_modules; SCENARIO is a JSON file)
//
// Orders are made as an administrator makes them and changed as one changes them; only their dates
// are put back by SQL, and orders that are alike are copied there. Prints one line of JSON when the
// shop is open: its port, an API key and the token for each channel.
const { createRequire } = require('node:module');
const fs = require('node:fs');
const path = require('node:path');

process.env.VENDURE_DISABLE_TELEMETRY = '1';
const [folder, scenarioFile] = process.argv.slice(2);
const load = createRequire(path.join(folder, 'package.json'));
const {
    bootstrap,
    defaultShippingCalculator,
    defaultShippingEligibilityChecker,
    dummyPaymentHandler,
    manualFulfillmentHandler,
    DefaultLogger,
    LogLevel,
    TransactionalConnection,
} = load('@vendure/core');

const scenario = JSON.parse(fs.readFileSync(scenarioFile, 'utf8'));
const PASSWORD = 'superadmin';
const EN = 'en';

const config = {
    apiOptions: { port: 0, hostname: '127.0.0.1' },
    authOptions: {
        tokenMethod: ['bearer', 'api-key'],
        superadminCredentials: { identifier: PASSWORD, password: PASSWORD },
        cookieOptions: { secret: 'of-no-worth' },
    },
    dbConnectionOptions: { type: 'sqljs', synchronize: true, logging: false },
    customFields: { Channel: [{ name: 'timeZone', type: 'string' }] },
    paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
    logger: new DefaultLogger({ level: LogLevel.Error }),
    plugins: [],
};

let url;
let session = '';

async function ask(query, variables = {}, channel = '') {
    const headers = { 'content-type': 'application/json' };
    if (session) headers.authorization = `Bearer ${session}`;
    if (channel) headers['vendure-token'] = channel;
    const body = JSON.stringify({ query, variables });
    const answer = await fetch(`${url}/admin-api`, { method: 'POST', headers, body });
    session = session || answer.headers.get('vendure-auth-token') || '';
    const { data, errors } = await answer.json();
    if (errors) throw new Error(`${query.trim().split('\n')[0]}: ${JSON.stringify(errors)}`);
    const [first] = Object.values(data);
    if (first && first.errorCode) throw new Error(`${query}: ${first.errorCode} ${first.message}`);
    return first;
}

const ERROR = '... on ErrorResult { errorCode message }';
const named = name => [{ languageCode: EN, name, description: '' }];

async function makeCountry() {
    const country = await ask(
        'mutation ($input: CreateCountryInput!) { createCountry(input: $input) { id } }',
        { input: { code: 'AR', enabled: true, translations: [{ languageCode: EN, name: 'Argentina' }] } },
    );
    const zone = await ask('mutation ($input: CreateZoneInput!) { createZone(input: $input) { id } }', {
        input: { name: 'Argentina', memberIds: [country.id] },
    });
    const category = await ask(
        'mutation ($input: CreateTaxCategoryInput!) { createTaxCategory(input: $input) { id } }',
        { input: { name: 'Standard', isDefault: true } },
    );
    await ask('mutation ($input: CreateTaxRateInput!) { createTaxRate(input: $input) { id } }', {
        input: {
            name: 'VAT', enabled: true, value: scenario.tax_percent, categoryId: category.id, zoneId: zone.id,
        },
    });
    return zone.id;
}

async function makeChannel(code, zone) {
    const token = `token-of-${code}`;
    const channel = await ask(
        `mutation ($input: CreateChannelInput!) { createChannel(input: $input) { ... on Channel { id } ${ERROR} } }`,
        {
            input: {
                code, token,
                defaultLanguageCode: EN,
                pricesIncludeTax: true,
                defaultCurrencyCode: scenario.currency,
                availableCurrencyCodes: [scenario.currency],
                defaultTaxZoneId: zone,
                defaultShippingZoneId: zone,
                customFields: { timeZone: scenario.time_zone },
            },
        },
    );
    const { items } = await ask('{ stockLocations { items { id } } }');
    await ask(
        `mutation ($input: AssignStockLocationsToChannelInput!) {
            assignStockLocationsToChannel(input: $input) { id } }`,
        { input: { stockLocationIds: items.map(location => location.id), channelId: channel.id } },
    );
    return token;
}

async function makeShop(channel) {
    const flat = { code: 'flat', fulfillmentHandler: manualFulfillmentHandler.code, translations: named('Flat') };
    const argument = (name, value) => ({ name, value });
    const method = await ask(
        'mutation ($input: CreateShippingMethodInput!) { createShippingMethod(input: $input) { id } }',
        {
            input: {
                ...flat,
                checker: {
                    code: defaultShippingEligibilityChecker.code,
                    arguments: [argument('orderMinimum', '0')],
                },
                calculator: {
                    code: defaultShippingCalculator.code,
                    arguments: [
                        argument('rate', '500'), argument('taxRate', '0'), argument('includesTax', 'auto'),
                    ],
                },
            },
        },
        channel,
    );
    await ask('mutation ($input: CreatePaymentMethodInput!) { createPaymentMethod(input: $input) { id } }', {
        input: {
            code: 'cash', enabled: true, translations: named('Cash'),
            handler: { code: dummyPaymentHandler.code, arguments: [argument('automaticSettle', 'true')] },
        },
    }, channel);
    const variants = {};
    for (const [sku, product] of Object.entries(scenario.products)) {
        const made = await ask('mutation ($input: CreateProductInput!) { createProduct(input: $input) { id } }', {
            input: { enabled: true, translations: [{ ...named(product.name)[0], slug: product.name.toLowerCase() }] },
        }, channel);
        const [variant] = await ask(
            'mutation ($input: [CreateProductVariantInput!]!) { createProductVariants(input: $input) { id } }',
            {
                input: [{
                    productId: made.id, sku, price: product.gross_cents, stockOnHand: product.stock,
                    trackInventory: 'TRUE', translations: [{ languageCode: EN, name: product.name }],
                }],
            },
            channel,
        );
        variants[sku] = variant.id;
    }
    return { variants, method: method.id };
}

async function place(order, shop, channel, customer) {
    const { street, ...person } = customer;
    const { id } = await ask('mutation { createDraftOrder { id } }', {}, channel);
    for (const [sku, quantity] of order.lines) {
        await ask(
            `mutation ($id: ID!, $input: AddItemToDraftOrderInput!) {
                addItemToDraftOrder(orderId: $id, input: $input) { ... on Order { id } ${ERROR} } }`,
            { id, input: { productVariantId: shop.variants[sku], quantity } }, channel,
        );
    }
    await ask(
        `mutation ($id: ID!, $input: CreateCustomerInput!) {
            setCustomerForDraftOrder(orderId: $id, input: $input) { ... on Order { id } ${ERROR} } }`,
        { id, input: person }, channel,
    );
    await ask(
        `mutation ($id: ID!, $input: CreateAddressInput!) {
            setDraftOrderShippingAddress(orderId: $id, input: $input) { id } }`,
        { id, input: { fullName: `${customer.firstName} ${customer.lastName}`, streetLine1: street, countryCode: 'AR' } },
        channel,
    );
    await ask(
        `mutation ($id: ID!, $method: ID!) {
            setDraftOrderShippingMethod(orderId: $id, shippingMethodId: $method) { ... on Order { id } ${ERROR} } }`,
        { id, method: shop.method }, channel,
    );
    if (order.unpaid) return id;
    await ask(
        `mutation ($id: ID!) {
            transitionOrderToState(id: $id, state: "ArrangingPayment") { ... on Order { id } ${ERROR} } }`,
        { id }, channel,
    );
    const paid = await ask(
        `mutation ($input: ManualPaymentInput!) {
            addManualPaymentToOrder(input: $input) {
                ... on Order { id lines { id productVariant { sku } } payments { id } } ${ERROR} } }`,
        { input: { orderId: id, method: 'cash', transactionId: 't', metadata: {} } }, channel,
    );
    await change(order, paid, channel);
    return id;
}

async function change(order, paid, channel) {
    const lines = units => Object.entries(units || {}).map(([sku, quantity]) => ({
        orderLineId: paid.lines.find(line => line.productVariant.sku === sku).id, quantity,
    }));
    const cancel = input => ask(
        `mutation ($input: CancelOrderInput!) {
            cancelOrder(input: $input) { ... on Order { id } ${ERROR} } }`,
        { input: { orderId: paid.id, ...input } }, channel,
    );
    if (order.refunded) {
        await ask(
            `mutation ($input: RefundOrderInput!) {
                refundOrder(input: $input) { ... on Refund { id } ${ERROR} } }`,
            {
                input: {
                    lines: lines(order.refunded), shipping: 0, adjustment: 0, paymentId: paid.payments[0].id,
                },
            },
            channel,
        );
    }
    if (order.removed) await cancel({ lines: lines(order.removed) });
    if (order.cancelled) await cancel({ cancelShipping: true });
}

async function putBack(db, id, order) {
    const text = instant => new Date(instant).toISOString().replace('T', ' ').replace('Z', '');
    const placed = order.unpaid ? null : text(order.at);
    await db.query('UPDATE "order" SET createdAt = ?, orderPlacedAt = ?, updatedAt = ? WHERE id = ?', [
        text(order.cart || order.at), placed, text(order.changed || order.at), Number(id),
    ]);
}

async function copy(db, id, order, count) {
    const columns = async table => (await db.query(`PRAGMA table_info("${table}")`)).map(c => c.name);
    const insert = async (table, from, changes) => {
        const all = (await columns(table)).filter(name => name !== 'id' || changes.id !== undefined);
        const values = all.map(name => (name in changes ? '?' : `"${name}"`));
        const given = all.filter(name => name in changes).map(name => changes[name]);
        await db.query(
            `INSERT INTO "${table}" (${all.map(n => `"${n}"`).join(', ')}) SELECT ${values.join(', ')} FROM "${table}" WHERE ${from}`,
            given,
        );
        return (await db.query('SELECT last_insert_rowid() AS id'))[0].id;
    };
    const first = new Date(order.at).getTime();
    for (let n = 1; n <= count; n += 1) {
        const at = new Date(first + n * order.apart_seconds * 1000).toISOString();
        const made = await insert('order', `id = ${Number(id)}`, { code: `${id}-COPY-${n}` });
        await putBack(db, made, { at });
        await insert('order_line', `orderId = ${Number(id)}`, { orderId: made });
        for (const { channelId } of await db.query(
            'SELECT channelId FROM order_channels_channel WHERE orderId = ?', [Number(id)],
        )) {
            await db.query('INSERT INTO order_channels_channel (orderId, channelId) VALUES (?, ?)', [made, channelId]);
        }
    }
}

async function makeRole() {
    const { items } = await ask('{ channels { items { id } } }');
    const role = await ask('mutation ($input: CreateRoleInput!) { createRole(input: $input) { id } }', {
        input: {
            code: 'reader', description: 'Reads orders and listings',
            permissions: ['ReadOrder', 'ReadCatalog', 'ReadChannel', 'ReadSettings'],
            channelIds: items.map(channel => channel.id),
        },
    });
    return role.id;
}

// A key opens the channel that it was made in, and the default channel.
async function makeKey(role, channel) {
    const key = await ask(
        'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey } }',
        { input: { roleIds: [role], translations: [{ languageCode: EN, name: 'Storecast' }] } },
        channel,
    );
    return key.apiKey;
}

async function open() {
    const app = await bootstrap(config);
    const { port } = app.getHttpServer().address();
    url = `http://127.0.0.1:${port}`;
    await ask(
        `mutation ($name: String!, $password: String!) {
            login(username: $name, password: $password) { ... on CurrentUser { id } ${ERROR} } }`,
        { name: PASSWORD, password: PASSWORD },
    );
    const db = app.get(TransactionalConnection).rawConnection;
    const zone = await makeCountry();
    const stores = {};
    for (const code of scenario.stores) stores[code] = await makeChannel(code, zone);
    const role = await makeRole();
    const keys = {};
    const shops = {};
    for (const [code, token] of Object.entries(stores)) {
        keys[code] = await makeKey(role, token);
        shops[code] = await makeShop(token);
    }
    for (const order of scenario.orders) {
        const channel = stores[order.store];
        const id = await place(order, shops[order.store], channel, scenario.customer);
        await putBack(db, id, order);
        if (order.copies) await copy(db, id, order, order.copies);
    }
    console.log(JSON.stringify({ port, keys, stores }));
}

open().catch(error => {
    console.error(error);
    process.exit(1);
});
