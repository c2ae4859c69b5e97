using 'main.bicep'

param version = readEnvironmentVariable('STORECAST_VERSION', 'latest')
param registryName = readEnvironmentVariable('STORECAST_REGISTRY', 'storecastregistry')
param sourceUrl = readEnvironmentVariable('STORECAST_SOURCE_URL', 'https://marketplace.example')
param postgresPassword = readEnvironmentVariable('POSTGRES_PASSWORD', '')
param sourceTokens = readEnvironmentVariable('STORECAST_SOURCE_TOKENS', '')
param fernetKey = readEnvironmentVariable('AIRFLOW_FERNET_KEY', '')
param jwtSecret = readEnvironmentVariable('AIRFLOW_JWT_SECRET', '')
