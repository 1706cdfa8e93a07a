import json
import os

import django
import joblib
import pandas as pd
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, SECRET_KEY="benchmark")
django.setup()
model = joblib.load(os.environ["MODEL"])


@csrf_exempt
@require_POST
def predict(request):
    rows = pd.DataFrame(json.loads(request.body))
    return JsonResponse({"predictions": model.predict(rows).tolist()})


urlpatterns = [path("predict", predict)]
app = get_wsgi_application()
